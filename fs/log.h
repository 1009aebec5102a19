#pragma once

#include <filesystem>
#include <string>

#include "remote/result.h"

namespace augurfs {

// Makes spdlog's default logger write where `file` says: "stderr", "journald", or a file that is
// rotated, whose directory is created. Whoever logs never waits for the disk: lines go through a
// bounded queue to a thread, and when it is full the oldest is dropped. A line stays one line
// whatever the event holds. Starts that thread: call it after every fork. `level` is one of the
// options'.
Result<void> start_log(const std::filesystem::path& file, const std::string& level);

// Writes what is queued and ends the thread.
void stop_log();

}  // namespace augurfs
