#pragma once

#include <string>
#include <string_view>

#include "predictor/history_table.h"

namespace augurfs {

// The history as a trace that `augurfs replay` reads; docs/traces.md says what its columns mean.
inline constexpr std::string_view kHistoryCsvHeader =
    "time_s,stream,exe,op,path,offset,bytes,object_bytes\n";

// Appends the line of a row; nothing for one that is no access of its own (kServed). Times count
// from `origin`, and of a program only the name of its file is told, not where it lies.
void append_csv(std::string& out, const HistoryRow& row, HistoryTime origin);

}  // namespace augurfs
