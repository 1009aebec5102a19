#include "predictor/reading_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include "remote/guarded.h"

namespace augurfs {
namespace {

constexpr char kEnd = '\0';  // of a record in the list
constexpr std::size_t kPathBytesMax = 4096;

struct AnnouncedRead {
  std::string_view path;
  ByteRange range{0, UINT64_MAX};
};

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return value;
}

// A path whose last two parts between tabs are numbers is a path and a range.
AnnouncedRead parse(std::string_view record) {
  const auto cut = [](std::string_view text) -> std::pair<std::string_view, std::string_view> {
    const std::size_t tab = text.rfind('\t');
    if (tab == std::string_view::npos) return {text, {}};
    return {text.substr(0, tab), text.substr(tab + 1)};
  };
  const auto [front, length] = cut(record);
  const auto [path, offset] = cut(front);
  const auto from = whole_number(offset);
  const auto bytes = whole_number(length);
  AnnouncedRead read{record, {0, UINT64_MAX}};
  if (from && bytes) read = {path, {*from, *bytes}};
  while (read.path.starts_with("./")) read.path.remove_prefix(2);
  return read;
}

// What is wrong with it; "" when nothing is.
std::string_view fault(std::string_view path) {
  if (path.empty()) return "an empty path";
  if (path.front() == '/') return "not below the mount point";
  if (path.size() > kPathBytesMax) return "a path of more than 4 KiB";
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty()) return "not the path of a file";
    if (name == "." || name == "..") return "a path with . or .. in it";
    if (slash == std::string_view::npos) return "";
    path.remove_prefix(slash + 1);
  }
}

// An open, or reads that follow each other.
struct Seen {
  ObjectId object{};
  bool opened = false;
  ByteRange range;
};

// What was handed on and not read yet.
struct Ahead {
  ObjectId object{};
  bool whole = true;  // no range was given
  ByteRange range;

  bool is_in(const Seen& seen) const {
    if (object != seen.object) return false;
    if (seen.opened) return whole;
    return range.offset < seen.range.offset + seen.range.length &&
           seen.range.offset < range.offset + range.length;
  }
};

class Follower : public Expert {
 public:
  explicit Follower(std::function<void(const Seen&)> saw) : saw_(std::move(saw)) {}

  void observe(const Event& event, const Catalog&, std::vector<Candidate>&) override {
    const bool opened = event.operation == Operation::kOpen;
    if (opened || event.operation == Operation::kRead) saw_({event.object, opened, event.range});
  }

 private:
  std::function<void(const Seen&)> saw_;
};

}  // namespace

struct ReadingList::Parts {
  // Who reads faster than the list is followed has read a file
  // before its turn.
  static constexpr std::size_t kRecentMax = 2 * kReadsAheadMax;

  struct State {
    std::deque<std::string> texts;  // records, each ended by kEnd
    std::size_t at = 0;             // where the next one begins in the first text
    std::size_t text_bytes = 0;
    std::uint64_t clears = 0;
    std::deque<Ahead> ahead;
    std::array<Seen, kRecentMax> recent{};  // a ring
    std::size_t recent_at = 0;              // the latest
    ReadingListStats stats;

    void drop_front();
    void remember(const Seen& seen);
    void saw(const Seen& seen);
  };

  void saw(const Seen& seen);
  // One byte at least, so that a full disk is found out by the fetch.
  std::uint64_t bytes_ahead_max() const {
    return std::clamp(room(), std::uint64_t{1}, kBytesAheadMax);
  }
  // Waits until a record is due. "" when asked to stop.
  std::string take(const std::stop_token& stop, std::uint64_t& clears);
  void follow(std::string_view record, std::uint64_t clears, const std::stop_token& stop);
  void run(const std::stop_token& stop);

  Find find;
  Fetch fetch;
  Room room;
  Guarded<State> state;
  std::condition_variable_any changed;
  std::jthread thread;
};

void ReadingList::Parts::State::drop_front() {
  stats.ahead_bytes -= ahead.front().range.length;
  ahead.pop_front();
}

void ReadingList::Parts::State::remember(const Seen& seen) {
  Seen& latest = recent[recent_at];
  if (!seen.opened && !latest.opened && seen.object == latest.object &&
      seen.range.offset == latest.range.offset + latest.range.length) {
    latest.range.length += seen.range.length;
    return;
  }
  recent_at = (recent_at + 1) % kRecentMax;
  recent[recent_at] = seen;
}

void ReadingList::Parts::State::saw(const Seen& seen) {
  remember(seen);
  const auto found =
      std::find_if(ahead.begin(), ahead.end(), [&](const Ahead& one) { return one.is_in(seen); });
  if (found == ahead.end()) return;
  const auto before = static_cast<std::uint64_t>(found - ahead.begin());
  for (std::uint64_t i = 0; i <= before; ++i) drop_front();
  stats.passed += before;
  ++stats.read;
}

void ReadingList::Parts::saw(const Seen& seen) {
  state.lock()->saw(seen);
  changed.notify_all();
}

std::string ReadingList::Parts::take(const std::stop_token& stop, std::uint64_t& clears) {
  const std::uint64_t bytes_max = bytes_ahead_max();
  auto locked = state.lock();
  const bool due = changed.wait(locked.mutex(), stop, [&] {
    return locked->stats.waiting > 0 && locked->ahead.size() < kReadsAheadMax &&
           (locked->ahead.empty() || locked->stats.ahead_bytes < bytes_max);
  });
  if (!due) return "";
  const std::string& text = locked->texts.front();
  const std::size_t end = text.find(kEnd, locked->at);
  std::string record = text.substr(locked->at, end - locked->at);
  locked->at = end + 1;
  --locked->stats.waiting;
  if (locked->at == text.size()) {
    locked->text_bytes -= text.size();
    locked->texts.pop_front();
    locked->at = 0;
  }
  clears = locked->clears;
  return record;
}

void ReadingList::Parts::follow(std::string_view record, std::uint64_t clears,
                                const std::stop_token& stop) {
  const AnnouncedRead read = parse(record);
  const auto version = find(std::string(read.path), stop);
  if (!version || !*version) {
    ++state.lock()->stats.unknown;
    return;
  }
  const std::uint64_t size = (*version)->size;
  const std::uint64_t offset = std::min(read.range.offset, size);
  const ByteRange range{offset, std::min({read.range.length, size - offset, bytes_ahead_max()})};
  const Ahead ahead{object_id((*version)->key), read.range.length == UINT64_MAX, range};
  {
    auto locked = state.lock();
    if (locked->clears != clears) return;
    const auto& recent = locked->recent;
    if (std::any_of(recent.begin(), recent.end(),
                    [&](const Seen& seen) { return ahead.is_in(seen); })) {
      ++locked->stats.read;
      return;
    }
    locked->ahead.push_back(ahead);
    locked->stats.ahead_bytes += range.length;
  }
  fetch(**version, range);
}

void ReadingList::Parts::run(const std::stop_token& stop) {
  std::uint64_t clears = 0;
  while (!stop.stop_requested()) {
    const std::string record = take(stop, clears);
    if (!record.empty()) follow(record, clears, stop);
  }
}

ReadingList::ReadingList() : parts_(std::make_shared<Parts>()) {}

ReadingList::~ReadingList() {
  parts_->thread.request_stop();
  if (parts_->thread.joinable()) parts_->thread.join();
}

void ReadingList::start(Find find, Fetch fetch, Room room) {
  parts_->find = std::move(find);
  parts_->fetch = std::move(fetch);
  parts_->room = std::move(room);
  parts_->thread =
      std::jthread([parts = parts_.get()](const std::stop_token& stop) { parts->run(stop); });
}

std::unique_ptr<Expert> ReadingList::follower() {
  return std::make_unique<Follower>([parts = parts_](const Seen& seen) { parts->saw(seen); });
}

Announcement ReadingList::announce(std::string_view text, char end) {
  Announcement result;
  std::string records;
  records.reserve(text.size() + 1);
  while (!text.empty()) {
    const std::size_t length = text.find(end);
    const std::string_view record = text.substr(0, length);
    text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
    const std::string_view wrong = record.find(kEnd) != std::string_view::npos
                                       ? "a path with a zero byte"
                                       : fault(parse(record).path);
    if (!wrong.empty()) {
      if (result.malformed++ == 0) {
        result.first_malformed =
            "'" + std::string(record.substr(0, kPathBytesMax)) + "': " + std::string(wrong);
      }
      continue;
    }
    ++result.accepted;
    records += record;
    records += kEnd;
  }
  if (result.accepted == 0) return result;
  auto locked = parts_->state.lock();
  if (locked->text_bytes + records.size() > kTextBytesMax) {
    result.no_room = std::exchange(result.accepted, 0);
    return result;
  }
  locked->text_bytes += records.size();
  locked->stats.waiting += result.accepted;
  locked->texts.push_back(std::move(records));
  parts_->changed.notify_all();
  return result;
}

void ReadingList::clear() {
  auto locked = parts_->state.lock();
  locked->texts.clear();
  locked->at = 0;
  locked->text_bytes = 0;
  locked->stats.waiting = 0;
  ++locked->clears;
}

ReadingListStats ReadingList::stats() const {
  auto locked = parts_->state.lock();
  ReadingListStats stats = locked->stats;
  stats.ahead = locked->ahead.size();
  return stats;
}

}  // namespace augurfs
