#include "predictor/brain/protocol.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace augurfs {
namespace {

enum class RecordType : std::uint8_t {
  kHello = 1,
  kPing = 2,
  kPong = 3,
  kObject = 4,
  kListing = 5,
  kEvent = 6,
  kHint = 7,
  kModel = 8,
};

// "augurfs" in a number: what is no brain at all is told from a brain of another version.
constexpr std::uint64_t kMagic = 0x0073667275677561;

constexpr std::uint8_t kHit = 1;
constexpr std::uint8_t kByKernel = 2;
constexpr std::uint8_t kPast = 4;
constexpr std::uint8_t kFlags = kHit | kByKernel | kPast;

class RecordWriter {
 public:
  explicit RecordWriter(RecordType type) { number(static_cast<std::uint8_t>(type)); }

  template <typename T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint16_t>(value.size()));
    bytes_.append(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Takes a packet apart. Once something is missing or too long all the rest is, too.
class RecordReader {
 public:
  explicit RecordReader(std::string_view packet) : rest_(packet) {}

  bool at_end() const { return rest_.empty(); }
  bool whole() const { return whole_; }

  template <typename T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const std::string_view bytes = take(sizeof value);
    if (whole_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto size = number<std::uint16_t>();
    if (size > kToldKeyBytesMax) fail();
    return std::string(take(size));
  }
  void fail() {
    whole_ = false;
    rest_ = {};
  }

 private:
  std::string_view take(std::size_t size) {
    if (!whole_ || size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool whole_ = true;
};

std::string write(const BrainHello& hello) {
  RecordWriter out(RecordType::kHello);
  out.number(kMagic);
  out.number(hello.version);
  return out.take();
}

std::string write(const BrainPing& ping) {
  RecordWriter out(RecordType::kPing);
  out.number(ping.number);
  return out.take();
}

std::string write(const BrainPong& pong) {
  RecordWriter out(RecordType::kPong);
  out.number(pong.number);
  out.number(pong.hints_dropped);
  return out.take();
}

std::string write(const ObjectNews& object) {
  RecordWriter out(RecordType::kObject);
  out.text(object.key);
  out.number(object.bytes);
  return out.take();
}

std::string write(const ListingNews& listing) {
  RecordWriter out(RecordType::kListing);
  out.text(listing.prefix);
  out.number(static_cast<std::uint8_t>(listing.last));
  out.number(static_cast<std::uint16_t>(listing.children.size()));
  for (const ListingNews::Child& child : listing.children) {
    out.text(child.name);
    out.number(child.bytes);
  }
  return out.take();
}

std::string write(const Event& event) {
  RecordWriter out(RecordType::kEvent);
  out.number(static_cast<std::int64_t>(event.time.time_since_epoch().count()));
  out.number(static_cast<std::uint8_t>(event.operation));
  out.number(static_cast<std::uint8_t>((event.hit ? kHit : 0) |
                                       (event.by_kernel_readahead ? kByKernel : 0) |
                                       (event.past ? kPast : 0)));
  out.number(event.handle);
  out.number(event.stream);
  out.number(event.program);
  out.number(static_cast<std::uint64_t>(event.object));
  out.number(event.object_bytes);
  out.number(event.range.offset);
  out.number(event.range.length);
  out.number(static_cast<std::int64_t>(event.latency.count()));
  return out.take();
}

std::string write(const Candidate& hint) {
  RecordWriter out(RecordType::kHint);
  out.number(static_cast<std::uint64_t>(hint.object));
  out.number(hint.range.offset);
  out.number(hint.range.length);
  out.number(hint.probability);
  out.number(static_cast<std::int64_t>(hint.expected_in.count()));
  out.number(static_cast<std::uint8_t>(hint.expert));
  out.number(hint.program);
  out.number(hint.stream);
  return out.take();
}

std::string write(const ModelNews& model) {
  RecordWriter out(RecordType::kModel);
  out.number(static_cast<std::uint8_t>(model.learns));
  out.number(static_cast<std::uint8_t>(model.votes));
  out.number(model.steps);
  out.number(model.resumed);
  out.number(model.rolled_back);
  out.number(model.saves_failed);
  out.number(model.loss);
  out.text(std::string_view(model.note).substr(0, kModelNoteBytesMax));
  return out.take();
}

BrainHello read_hello(RecordReader& in) {
  if (in.number<std::uint64_t>() != kMagic) in.fail();
  return {in.number<std::uint32_t>()};
}

BrainPong read_pong(RecordReader& in) {
  BrainPong pong;
  pong.number = in.number<std::uint64_t>();
  pong.hints_dropped = in.number<std::uint64_t>();
  return pong;
}

ObjectNews read_object(RecordReader& in) {
  ObjectNews object;
  object.key = in.text();
  object.bytes = in.number<std::uint64_t>();
  return object;
}

ListingNews read_listing(RecordReader& in) {
  ListingNews listing;
  listing.prefix = in.text();
  const auto last = in.number<std::uint8_t>();
  if (last > 1) in.fail();
  listing.last = last == 1;
  // Grows with what is there, not with the count that was claimed.
  for (auto left = in.number<std::uint16_t>(); left > 0 && in.whole(); --left) {
    ListingNews::Child child;
    child.name = in.text();
    child.bytes = in.number<std::uint64_t>();
    listing.children.push_back(std::move(child));
  }
  return listing;
}

Event read_event(RecordReader& in) {
  Event event;
  event.time =
      std::chrono::steady_clock::time_point(std::chrono::nanoseconds(in.number<std::int64_t>()));
  const auto operation = in.number<std::uint8_t>();
  const auto flags = in.number<std::uint8_t>();
  if (operation > static_cast<std::uint8_t>(Operation::kListedAhead) || flags > kFlags) in.fail();
  event.operation = Operation{operation};
  event.hit = (flags & kHit) != 0;
  event.by_kernel_readahead = (flags & kByKernel) != 0;
  event.past = (flags & kPast) != 0;
  event.handle = in.number<std::uint64_t>();
  event.stream = in.number<std::uint64_t>();
  event.program = in.number<std::uint64_t>();
  event.object = ObjectId{in.number<std::uint64_t>()};
  event.object_bytes = in.number<std::uint64_t>();
  event.range.offset = in.number<std::uint64_t>();
  event.range.length = in.number<std::uint64_t>();
  event.latency = std::chrono::nanoseconds(in.number<std::int64_t>());
  return event;
}

Candidate read_hint(RecordReader& in) {
  Candidate hint;
  hint.object = ObjectId{in.number<std::uint64_t>()};
  hint.range.offset = in.number<std::uint64_t>();
  hint.range.length = in.number<std::uint64_t>();
  hint.probability = in.number<float>();
  hint.expected_in = std::chrono::nanoseconds(in.number<std::int64_t>());
  hint.expert = ExpertId{in.number<std::uint8_t>()};
  hint.program = in.number<std::uint64_t>();
  hint.stream = in.number<std::uint64_t>();
  const bool likely =
      hint.probability >= 0 && hint.probability <= 1;  // not so when it is no number
  const bool ends =
      hint.range.length <= std::numeric_limits<std::uint64_t>::max() - hint.range.offset;
  const bool begins = !hint.is_listing() || hint.range.offset == 0;
  if (!likely || !ends || !begins || hint.expected_in.count() < 0) in.fail();
  return hint;
}

ModelNews read_model(RecordReader& in) {
  ModelNews model;
  const auto learns = in.number<std::uint8_t>();
  const auto votes = in.number<std::uint8_t>();
  model.learns = learns == 1;
  model.votes = votes == 1;
  model.steps = in.number<std::uint64_t>();
  model.resumed = in.number<std::uint64_t>();
  model.rolled_back = in.number<std::uint64_t>();
  model.saves_failed = in.number<std::uint64_t>();
  model.loss = in.number<float>();
  model.note = in.text();
  const bool makes_sense = learns <= 1 && votes <= 1 && std::isfinite(model.loss) &&
                           model.loss >= 0 && model.note.size() <= kModelNoteBytesMax;
  if (!makes_sense) in.fail();
  return model;
}

std::optional<DaemonRecord> read_daemon_record(RecordReader& in) {
  switch (RecordType{in.number<std::uint8_t>()}) {
    case RecordType::kHello:
      return read_hello(in);
    case RecordType::kPing:
      return BrainPing{in.number<std::uint64_t>()};
    case RecordType::kObject:
      return read_object(in);
    case RecordType::kListing:
      return read_listing(in);
    case RecordType::kEvent:
      return read_event(in);
    default:
      return std::nullopt;
  }
}

std::optional<BrainRecord> read_brain_record(RecordReader& in) {
  switch (RecordType{in.number<std::uint8_t>()}) {
    case RecordType::kHello:
      return read_hello(in);
    case RecordType::kPong:
      return read_pong(in);
    case RecordType::kHint:
      return read_hint(in);
    case RecordType::kModel:
      return read_model(in);
    default:
      return std::nullopt;
  }
}

template <typename Record, typename Read>
Result<std::vector<Record>> decode(std::string_view packet, const Read& read) {
  std::vector<Record> records;
  for (RecordReader in(packet); !in.at_end();) {
    auto record = read(in);
    if (!record) return Error{ErrorCode::kCorrupt, "a record of no known type"};
    if (!in.whole()) return Error{ErrorCode::kCorrupt, "a record cut short or out of bounds"};
    records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace

std::string encode(const DaemonRecord& record) {
  return std::visit([](const auto& it) { return write(it); }, record);
}

std::string encode(const BrainRecord& record) {
  return std::visit([](const auto& it) { return write(it); }, record);
}

std::size_t encoded_bytes(const ListingNews::Child& child) {
  return sizeof(std::uint16_t) + child.name.size() + sizeof child.bytes;
}

Result<std::vector<DaemonRecord>> decode_for_brain(std::string_view packet) {
  return decode<DaemonRecord>(packet, read_daemon_record);
}

Result<std::vector<BrainRecord>> decode_for_daemon(std::string_view packet) {
  return decode<BrainRecord>(packet, read_brain_record);
}

}  // namespace augurfs
