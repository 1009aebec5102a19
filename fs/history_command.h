#pragma once

#include <functional>
#include <string>

#include "fs/command_line.h"
#include "fs/environment.h"
#include "predictor/history_table.h"

namespace augurfs {

// Returns the exit code; prints errors on stderr. A history that a mount has is asked for over its
// admin socket, another one is opened under the lock of its cache directory.
int run_history(const HistoryCommand& command, const Environment& environment);

// For a person, several lines.
std::string history_text(const HistorySummary& summary);

// A part of an export as it is handed from a daemon: a line with the cursor behind it, "after
// origin" or "end", then lines of CSV. Reads through `read` as History and HistoryTable do.
using ReadHistory =
    std::function<Result<std::vector<HistoryRow>>(HistoryCursor& cursor, std::size_t rows_max)>;
Result<std::string> history_page(HistoryCursor cursor, const ReadHistory& read);

}  // namespace augurfs
