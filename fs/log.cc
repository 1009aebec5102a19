#include "fs/log.h"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

namespace augurfs {
namespace {

constexpr std::size_t kFileBytesMax = 10 << 20;
constexpr std::size_t kOldFilesMax = 3;
constexpr std::size_t kQueuedLinesMax = 1024;

// The message with its control characters written as \x0a: keys and what servers say may hold any
// byte, and must not forge a line or speak to a terminal.
class OneLine : public spdlog::custom_flag_formatter {
 public:
  static constexpr char kFlag = '*';

  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    constexpr char kDelete = 0x7f;
    for (const char c : message.payload) {
      if ((c >= 0 && c < ' ') || c == kDelete) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c));
      } else {
        out.push_back(c);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<OneLine>();
  }
};

// The sink itself notices at its first line, when nobody reads its complaints any more.
Result<void> check_journal() {
  constexpr const char* kSocket = "/run/systemd/journal/socket";
  if (::access(kSocket, W_OK) == 0) return {};
  return Error{ErrorCode::kUnavailable,
               fmt::format("cannot write the log: no journal listens on {} ({}); set log.file to a "
                           "file",
                           kSocket, std::strerror(errno))};
}

// The sink, which would make it too, says of what is in the way that it does not exist.
Result<void> make_directory_of(const std::filesystem::path& file) {
  const std::filesystem::path directory = file.parent_path();
  std::error_code error;
  if (!directory.empty()) std::filesystem::create_directories(directory, error);
  if (!error) return {};
  return Error{ErrorCode::kDenied,
               fmt::format("cannot write the log: cannot make the directory {}: {}; choose another "
                           "log.file",
                           directory.string(), error.message())};
}

spdlog::sink_ptr make_sink(const std::filesystem::path& file) {
  if (file == "stderr") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (file == "journald") return std::make_shared<spdlog::sinks::systemd_sink_mt>("augurfs");
  return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kFileBytesMax,
                                                                kOldFilesMax);
}

}  // namespace

Result<void> start_log(const std::filesystem::path& file, const std::string& level) {
  if (file == "journald") {
    if (auto journal = check_journal(); !journal) return journal;
  } else if (file != "stderr") {
    if (auto made = make_directory_of(file); !made) return made;
  }
  try {
    spdlog::init_thread_pool(kQueuedLinesMax, 1);
    auto logger =
        std::make_shared<spdlog::async_logger>("augurfs", make_sink(file), spdlog::thread_pool(),
                                               spdlog::async_overflow_policy::overrun_oldest);
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<OneLine>(OneLine::kFlag);
    // 2026-01-31T12:34:56.789+01:00 warning cache.evicted object=...
    formatter->set_pattern(file == "journald" ? "%*" : "%Y-%m-%dT%H:%M:%S.%e%z %l %*");
    logger->set_formatter(std::move(formatter));
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::trace);  // on the log's own thread
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return Error{ErrorCode::kDenied, std::string("cannot write the log: ") + error.what() +
                                         "; choose another log.file"};
  }
  return {};
}

void stop_log() {
  // Held so that it outlives the thread that writes through it.
  const std::shared_ptr<spdlog::logger> logger = spdlog::default_logger();
  spdlog::shutdown();
  // Whoever logs from now on finds a logger, if one that says nothing.
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("ended", std::make_shared<spdlog::sinks::null_sink_mt>()));
}

}  // namespace augurfs
