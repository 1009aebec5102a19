#include "predictor/profile_file.h"

#include <spdlog/fmt/fmt.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "predictor/history_csv.h"
#include "predictor/trace.h"
#include "predictor/trace_input.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr std::string_view kMagic = "#augurfs-profile ";

// The first line: "#augurfs-profile VERSION rows=N day=N source=URL".
struct Head {
  unsigned version = 0;
  std::size_t rows = 0;
  std::chrono::sys_days day{};
  std::string source;
};

std::string text_of(const Profile& profile, std::size_t text_bytes_max) {
  std::string text = fmt::format("{}{} rows={} day={}", kMagic, kProfileVersion,
                                 profile.rows.size(), profile.last_day.time_since_epoch().count());
  if (!profile.source.empty()) text += " source=" + profile.source;
  text += '\n';
  text += kHistoryCsvHeader;
  for (const HistoryRow& row : profile.rows) {
    if (text.size() > text_bytes_max) break;
    append_csv(text, row, HistoryTime{});
  }
  return text;
}

// Takes "name=NUMBER" and the space behind it off the text.
template <typename Number>
std::optional<Number> take_number(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  Number value = 0;
  const char* const begin = text.data() + name.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return value;
}

Result<Head> parse_head(std::string_view text, const std::string& name) {
  constexpr int kDayMax = 1 << 20;  // of the year 4840
  constexpr std::string_view kSource = "source=";
  if (!text.starts_with(kMagic)) {
    return Error{ErrorCode::kInvalid, name + ": no profile: its first line does not begin with \"" +
                                          std::string(kMagic) +
                                          "\"; profiles are made by augurfs profile"};
  }
  text.remove_prefix(kMagic.size());
  Head head;
  const auto version = take_number<unsigned>(text, "");
  if (version && *version > kProfileVersion) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: a profile of version {}, and this augurfs knows {}; make it with "
                             "this one, or install a newer augurfs",
                             name, *version, kProfileVersion)};
  }
  const auto rows = take_number<std::size_t>(text, "rows=");
  const auto day = take_number<int>(text, "day=");
  if (!version || *version == 0 || !rows || !day || *day < 0 || *day > kDayMax) {
    return Error{ErrorCode::kCorrupt, name + ": the first line makes no sense; copy it once more"};
  }
  head.version = *version;
  head.rows = *rows;
  head.day = std::chrono::sys_days{std::chrono::days{*day}};
  if (text.starts_with(kSource)) head.source = text.substr(kSource.size());
  if (std::any_of(head.source.begin(), head.source.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    return Error{ErrorCode::kCorrupt, name + ": the first line makes no sense; copy it once more"};
  }
  return head;
}

// The first line, of a profile of any version, before anything else is looked into.
Result<Head> read_head(TraceInput& input) {
  constexpr std::size_t kHeadBytesMax = 8 << 10;
  std::string text;
  while (text.find('\n') == std::string::npos && text.size() < kHeadBytesMax) {
    std::array<char, 1024> more{};
    const auto got = input.read(more);
    if (!got) return got.error();
    if (*got == 0) break;
    text.append(more.data(), *got);
  }
  return parse_head(std::string_view(text).substr(0, text.find('\n')), input.name());
}

// Reads the lines of a profile into rows.
class RowReader {
 public:
  RowReader(TraceReader& reader, std::string name) : reader_(reader), name_(std::move(name)) {}

  Result<void> add(const TraceLine& line, std::vector<HistoryRow>& rows) {
    HistoryRow row;
    row.operation = line.operation;
    row.path = line.path;
    if (row.operation == Operation::kList && row.path == "/") row.path.clear();
    row.program = reader_.program();
    if (const auto fault = fault_of_path(row.path, row.operation); !fault.empty()) {
      return refused("the path", fault);
    }
    if (const auto fault = fault_of_program(row.program); !fault.empty()) {
      return refused("the program", fault);
    }
    if (line.operation == Operation::kRelease) return refused("the op", "is none of a profile");
    if (line.stream == 0) return refused("the stream", "is missing");
    if (rows.size() == Profile::kRowsMax) {
      return refused("it", fmt::format("is one access more than the {} a profile may have",
                                       Profile::kRowsMax));
    }
    row.time = std::chrono::duration_cast<HistoryTime>(line.time.value_or(last_));
    last_ = line.time.value_or(last_);
    row.stream = streams_.try_emplace(line.stream, streams_.size() + 1).first->second;
    row.object_bytes = line.object_bytes.value_or(0);
    if (row.operation == Operation::kRead) row.range = {line.offset, line.bytes.value_or(0)};
    rows.push_back(std::move(row));
    return {};
  }

 private:
  Error refused(std::string_view what, std::string_view why) const {
    return {ErrorCode::kInvalid,
            fmt::format("{}:{}: {} {}", name_, reader_.line_number(), what, why)};
  }

  TraceReader& reader_;
  const std::string name_;
  std::chrono::nanoseconds last_{};
  std::unordered_map<std::uint64_t, std::uint64_t> streams_;
};

Error no_memory(const std::string& name) {
  return {ErrorCode::kUnavailable, name + ": " + std::strerror(errno)};
}

// By a file in memory, as traces are read from files.
Result<std::unique_ptr<TraceInput>> input_of(std::string_view bytes, const std::string& name) {
  UniqueFd file(::memfd_create("profile", MFD_CLOEXEC));
  if (!file) return no_memory(name);
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno != EINTR) return no_memory(name);
    if (wrote > 0) bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return no_memory(name);
  return TraceInput::open(std::move(file), name, kProfileTextBytesMax);
}

}  // namespace

Result<std::string> pack(Profile profile, std::size_t bytes_max) {
  // A quote would go on in the next line.
  if (profile.source.find_first_of("\"\r\n") != std::string::npos) profile.source.clear();
  while (true) {
    const std::string text = text_of(profile, kProfileTextBytesMax);
    if (text.size() <= kProfileTextBytesMax) {
      auto packed = pack_zstd(text);
      if (!packed || packed->size() <= bytes_max) return packed;
    }
    if (profile.rows.empty()) {
      return Error{ErrorCode::kNoSpace, "there is no room for a profile, not even an empty one"};
    }
    const auto half = static_cast<std::ptrdiff_t>((profile.rows.size() + 1) / 2);
    profile.rows.erase(profile.rows.begin(), profile.rows.begin() + half);
    settle(profile);
  }
}

Result<Profile> unpack(std::string_view bytes, const std::string& name) {
  auto input = input_of(bytes, name);
  if (!input) return input.error();
  const auto head = read_head(**input);
  if (!head) return head.error();
  input = input_of(bytes, name);
  if (!input) return input.error();
  auto reader = TraceReader::open(std::move(*input));
  if (!reader) return reader.error();
  Profile profile;
  profile.last_day = head->day;
  profile.source = head->source;
  RowReader rows(**reader, name);
  TraceLine line;
  while (true) {
    const auto more = (*reader)->next(line);
    if (!more) return more.error();
    if (!*more) break;
    if (auto added = rows.add(line, profile.rows); !added) return added.error();
  }
  if (profile.rows.size() != head->rows) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: {} accesses, and the first line says {}: it was cut short or "
                             "changed; copy it once more",
                             name, profile.rows.size(), head->rows)};
  }
  settle(profile);
  return profile;
}

}  // namespace augurfs
