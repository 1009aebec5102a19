#include "predictor/trace.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;
// A path of 4 KiB is the longest there is; four times that and some for quotes and other columns.
constexpr std::size_t kLineBytesMax = 64 << 10;

enum Column : std::uint8_t {
  kTime,
  kStream,
  kExe,
  kOp,
  kPath,
  kOffset,
  kBytes,
  kObjectBytes,
  kColumns
};
constexpr std::array<std::string_view, kColumns> kNames = {
    "time_s", "stream", "exe", "op", "path", "offset", "bytes", "object_bytes"};
constexpr std::size_t kAbsent = std::numeric_limits<std::size_t>::max();

constexpr std::array<std::pair<std::string_view, Operation>, 5> kOperations = {{
    {"open", Operation::kOpen},
    {"read", Operation::kRead},
    {"stat", Operation::kStat},
    {"list", Operation::kList},
    {"release", Operation::kRelease},
}};

// What is wrong with a line, and in which of its columns.
struct Fault {
  std::size_t column = kAbsent;
  std::string reason;
};

std::uint64_t hash_of(std::string_view text) {
  return text.empty() ? 0 : XXH3_64bits(text.data(), text.size());
}

// Text of a trace in a message: short, and on one line.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kShownMax)) out += c >= ' ' && c < '\x7f' ? c : '?';
  return out + (text.size() > kShownMax ? "...\"" : "\"");
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds with up to nine decimals, which a floating-point number would not hold.
std::optional<std::chrono::nanoseconds> seconds(std::string_view text) {
  constexpr std::uint64_t kSecondsMax = 9'000'000'000;  // the year 2255; fits as nanoseconds
  constexpr std::size_t kDecimals = 9;
  const std::size_t point = text.find('.');
  const auto whole = whole_number(text.substr(0, point));
  if (!whole || *whole > kSecondsMax) return std::nullopt;
  std::uint64_t nanoseconds = 0;
  if (point != std::string_view::npos) {
    std::string_view decimals = text.substr(point + 1);
    if (decimals.empty()) return std::nullopt;
    for (const char c : decimals) {
      if (c < '0' || c > '9') return std::nullopt;
    }
    decimals = decimals.substr(0, kDecimals);
    nanoseconds = *whole_number(decimals);
    for (std::size_t i = decimals.size(); i < kDecimals; ++i) nanoseconds *= 10;
  }
  return std::chrono::seconds(*whole) + std::chrono::nanoseconds(nanoseconds);
}

}  // namespace

struct TraceReader::Parts {
  Result<bool> more();
  Result<bool> take_record();
  bool split_plain(std::string_view record);
  std::optional<Fault> split_quoted(std::string_view record);
  std::optional<Fault> header();
  std::optional<Fault> parse(TraceLine& line);
  std::optional<Fault> parse_number(Column column, std::optional<std::uint64_t>& value);
  std::string_view field(Column column) const {
    return at[column] < fields.size() ? fields[at[column]] : std::string_view();
  }
  Error error(const Fault& fault) const;

  std::string name;
  bool skip_bad = false;
  std::unique_ptr<TraceInput> input;
  std::vector<char> buffer;
  std::size_t begin = 0;  // of what is not used yet
  std::size_t end = 0;
  bool at_end = false;
  std::uint64_t line = 0;       // where the record begins, from 1
  std::uint64_t next_line = 1;  // after it
  std::string_view record;      // without its line break; in the buffer
  bool quoted = false;          // there is a quote in it
  bool too_long = false;
  std::vector<std::string_view> fields;
  std::vector<std::string> unquoted;  // what fields with quotes stand for
  std::array<std::size_t, kColumns> at{};
  std::optional<bool> timed;
  std::uint64_t skipped = 0;
};

Error TraceReader::Parts::error(const Fault& fault) const {
  std::string place = name + ":" + std::to_string(line) + ": ";
  if (fault.column != kAbsent) place += "column " + std::to_string(fault.column + 1);
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (fault.column != kAbsent && at[i] == fault.column) {
      place += " (" + std::string(kNames[i]) + ")";
    }
  }
  return {ErrorCode::kInvalid, place + (fault.column != kAbsent ? ": " : "") + fault.reason};
}

// Reads on behind what is in the buffer; false at the end of the file.
Result<bool> TraceReader::Parts::more() {
  if (begin > 0) {
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
    begin = 0;
  }
  auto got = input->read(std::span(buffer).subspan(end));
  if (!got) return got.error();
  end += *got;
  at_end = *got == 0;
  return !at_end;
}

// The next record, up to a line break that is not inside quotes. One that is too long is cut at the
// first line break of any kind, so that a quote that was forgotten does not swallow the rest.
Result<bool> TraceReader::Parts::take_record() {
  std::size_t scanned = 0;
  bool inside = false;
  quoted = false;
  too_long = false;
  line = next_line;
  while (true) {
    const char* const from = buffer.data() + begin + scanned;
    const std::size_t left = end - begin - scanned;
    const auto* const stop = static_cast<const char*>(std::memchr(from, '\n', left));
    const std::size_t length = stop == nullptr ? left : static_cast<std::size_t>(stop - from);
    if (!too_long) {
      const auto quotes = std::count(from, from + length, '"');
      quoted |= quotes > 0;
      inside ^= quotes % 2 != 0;
    }
    scanned += length;
    if (stop != nullptr) ++next_line;
    if (scanned > kLineBytesMax) too_long = true;
    if (stop != nullptr && (!inside || too_long)) break;
    if (stop != nullptr) {
      ++scanned;  // a line break inside quotes
      continue;
    }
    if (too_long) {  // nothing of it is needed
      begin += scanned;
      scanned = 0;
    }
    auto got = more();
    if (!got) return got.error();
    if (!*got) break;
  }
  record = {buffer.data() + begin, scanned};
  begin = std::min(begin + scanned + 1, end);
  if (record.ends_with('\r')) record.remove_suffix(1);
  return !(record.empty() && at_end && begin == end) || too_long;
}

bool TraceReader::Parts::split_plain(std::string_view text) {
  fields.clear();
  while (true) {
    const std::size_t comma = text.find(',');
    fields.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::optional<Fault> TraceReader::Parts::split_quoted(std::string_view text) {
  fields.clear();
  unquoted.clear();
  std::vector<std::pair<std::size_t, std::size_t>> places;  // field, text that was unquoted
  for (bool last = false; !last;) {
    if (!text.starts_with('"')) {
      const std::size_t comma = text.find(',');
      const std::string_view plain = text.substr(0, comma);
      if (plain.find('"') != std::string_view::npos) {
        return Fault{fields.size(), "a quote in a field that does not begin with one"};
      }
      fields.push_back(plain);
      last = comma == std::string_view::npos;
      if (!last) text.remove_prefix(comma + 1);
      continue;
    }
    std::string value;
    std::size_t i = 1;
    for (; i < text.size(); ++i) {
      if (text[i] == '"') {
        if (i + 1 >= text.size() || text[i + 1] != '"') break;
        ++i;
      }
      value += text[i];
    }
    if (i >= text.size()) return Fault{fields.size(), "a quote that is not closed"};
    places.emplace_back(fields.size(), unquoted.size());
    unquoted.push_back(std::move(value));
    fields.emplace_back();
    last = i + 1 == text.size();
    if (!last && text[i + 1] != ',') return Fault{fields.size() - 1, "text behind a quoted field"};
    text.remove_prefix(last ? text.size() : i + 2);
  }
  for (const auto& [field, value] : places) fields[field] = unquoted[value];
  return std::nullopt;
}

std::optional<Fault> TraceReader::Parts::header() {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  at.fill(kAbsent);
  if (!fields.empty() && fields[0].starts_with(kByteOrderMark)) {
    fields[0].remove_prefix(kByteOrderMark.size());
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto known = std::find(kNames.begin(), kNames.end(), fields[i]);
    if (known == kNames.end()) continue;  // what other programs may need
    std::size_t& place = at[static_cast<std::size_t>(known - kNames.begin())];
    if (place != kAbsent) return Fault{i, shown(fields[i]) + " stands in the header twice"};
    place = i;
  }
  if (at[kPath] == kAbsent) return Fault{kAbsent, "the header names no column \"path\""};
  return std::nullopt;
}

std::optional<Fault> TraceReader::Parts::parse_number(Column column,
                                                      std::optional<std::uint64_t>& value) {
  const std::string_view text = field(column);
  value.reset();
  if (text.empty()) return std::nullopt;
  value = whole_number(text);
  // Sums of two of them do not overflow.
  if (value && *value <= std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return Fault{at[column], shown(text) + " is not a whole number"};
}

std::optional<Fault> TraceReader::Parts::parse(TraceLine& out) {
  if (at[kPath] >= fields.size() || field(kPath).empty()) return Fault{at[kPath], "no path"};
  out.path = field(kPath);
  out.time.reset();
  if (const auto text = field(kTime); !text.empty()) {
    out.time = seconds(text);
    if (!out.time) return Fault{at[kTime], shown(text) + " is not a time in seconds"};
  }
  if (timed.value_or(out.time.has_value()) != out.time.has_value()) {
    return Fault{at[kTime], *timed ? "no time, where lines before have one"
                                   : "a time, where lines before have none"};
  }
  out.stream = hash_of(field(kStream));
  out.program = hash_of(field(kExe));
  out.operation = Operation::kRead;
  if (const auto text = field(kOp); !text.empty()) {
    const auto known = std::find_if(kOperations.begin(), kOperations.end(),
                                    [&](const auto& operation) { return operation.first == text; });
    if (known == kOperations.end()) {
      return Fault{at[kOp], shown(text) + " is none of open, read, stat, list, release"};
    }
    out.operation = known->second;
  }
  std::optional<std::uint64_t> offset;
  if (auto fault = parse_number(kOffset, offset)) return fault;
  if (auto fault = parse_number(kBytes, out.bytes)) return fault;
  if (auto fault = parse_number(kObjectBytes, out.object_bytes)) return fault;
  out.offset = offset.value_or(0);
  if (out.object_bytes && out.offset > *out.object_bytes) {
    return Fault{at[kOffset], shown(field(kOffset)) + " is behind the end of the object"};
  }
  if (!timed) timed = out.time.has_value();
  return std::nullopt;
}

TraceReader::TraceReader(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

TraceReader::~TraceReader() = default;

Result<std::unique_ptr<TraceReader>> TraceReader::open(const std::filesystem::path& path,
                                                       bool skip_bad) {
  auto input = TraceInput::open(path);
  if (!input) return input.error();
  return open(std::move(*input), skip_bad);
}

Result<std::unique_ptr<TraceReader>> TraceReader::open(std::unique_ptr<TraceInput> input,
                                                       bool skip_bad) {
  auto parts = std::make_unique<Parts>();
  parts->name = input->name();
  parts->skip_bad = skip_bad;
  parts->input = std::move(input);
  parts->buffer.resize(kBufferBytes);
  auto taken = parts->take_record();
  if (taken && *taken && parts->record.starts_with('#')) taken = parts->take_record();
  if (!taken) return taken.error();
  if (!*taken) return parts->error({kAbsent, "empty: not even a header"});
  auto fault = parts->too_long ? Fault{kAbsent, "no header: the first line is too long"}
                               : parts->split_quoted(parts->record);
  if (!fault) fault = parts->header();
  if (fault) return parts->error(*fault);
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(parts)));
}

Result<bool> TraceReader::next(TraceLine& line) {
  while (true) {
    const auto taken = parts_->take_record();
    if (!taken) return taken.error();
    if (!*taken) return false;
    if (parts_->record.empty() && !parts_->too_long) continue;
    std::optional<Fault> fault;
    if (parts_->too_long) {
      fault = Fault{kAbsent, "longer than " + std::to_string(kLineBytesMax) + " bytes"};
    } else if (parts_->quoted) {
      fault = parts_->split_quoted(parts_->record);
    } else {
      parts_->split_plain(parts_->record);
    }
    if (!fault) fault = parts_->parse(line);
    if (!fault) return true;
    if (!parts_->skip_bad) return parts_->error(*fault);
    ++parts_->skipped;
  }
}

std::uint64_t TraceReader::skipped() const { return parts_->skipped; }

std::uint64_t TraceReader::line_number() const { return parts_->line; }

std::string_view TraceReader::program() const { return parts_->field(kExe); }

}  // namespace augurfs
