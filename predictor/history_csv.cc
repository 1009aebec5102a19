#include "predictor/history_csv.h"

#include <spdlog/fmt/fmt.h>

#include <iterator>

namespace augurfs {
namespace {

std::string_view name_of(Operation operation) {
  switch (operation) {
    case Operation::kOpen:
      return "open";
    case Operation::kRead:
      return "read";
    case Operation::kStat:
      return "stat";
    case Operation::kList:
      return "list";
    case Operation::kServed:
    case Operation::kRelease:
    case Operation::kListedAhead:
      break;
  }
  return {};
}

// As in RFC 4180. Bytes that are no text stay what they are.
void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_csv(std::string& out, const HistoryRow& row, HistoryTime origin) {
  const std::string_view operation = name_of(row.operation);
  if (operation.empty()) return;
  const auto since = (row.time - origin).count();
  const auto second = std::chrono::duration_cast<HistoryTime>(std::chrono::seconds{1}).count();
  fmt::format_to(std::back_inserter(out), "{}.{:06},", since / second, since % second);
  if (row.stream != 0) out += std::to_string(row.stream);
  out += ',';
  append_field(out, std::string_view(row.program).substr(row.program.rfind('/') + 1));
  fmt::format_to(std::back_inserter(out), ",{},", operation);
  append_field(out, row.path.empty() ? "/" : row.path);  // a trace wants a path
  if (row.operation == Operation::kRead) {
    fmt::format_to(std::back_inserter(out), ",{},{},{}\n", row.range.offset, row.range.length,
                   row.object_bytes);
  } else {
    fmt::format_to(std::back_inserter(out), ",,,{}\n", row.object_bytes);
  }
}

}  // namespace augurfs
