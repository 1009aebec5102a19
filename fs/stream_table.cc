#include "fs/stream_table.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <charconv>
#include <climits>
#include <string_view>
#include <utility>

#include "predictor/object_id.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

using ProcText = std::array<char, 1024>;  // more than what we look for lies behind

std::string_view read_proc(const std::string& path, ProcText& text) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

template <typename Number>
std::optional<Number> leading_number(std::string_view text) {
  Number number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

// A number out of /proc/<pid>/stat: "pid (name) state ppid ...", where the name may hold anything.
// `fields_before` are counted from the one behind the name on; see proc(5).
std::optional<std::uint64_t> stat_number(const std::string& directory, int fields_before) {
  ProcText bytes;
  std::string_view text = read_proc(directory + "/stat", bytes);
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  for (int i = 0; i < fields_before; ++i) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  return leading_number<std::uint64_t>(text);
}

std::optional<std::uint64_t> start_time(const std::string& directory) {
  constexpr int kFieldsBefore = 20;
  return stat_number(directory, kFieldsBefore);
}

// The parent of a process.
std::optional<std::uint64_t> parent_of(const std::string& directory) {
  constexpr int kFieldsBefore = 2;
  return stat_number(directory, kFieldsBefore);
}

std::optional<std::uint32_t> thread_group(const std::string& directory) {
  constexpr std::string_view kField = "\nTgid:\t";
  ProcText bytes;
  const std::string_view text = read_proc(directory + "/status", bytes);
  const std::size_t at = text.find(kField);
  if (at == std::string_view::npos) return std::nullopt;
  return leading_number<std::uint32_t>(text.substr(at + kField.size()));
}

// Empty when it may not be looked at, or is the kernel's own.
std::string executable_of(const std::string& directory) {
  constexpr std::string_view kReplaced = " (deleted)";  // since by a new version of the program
  std::array<char, PATH_MAX> bytes;
  const ssize_t count = ::readlink((directory + "/exe").c_str(), bytes.data(), bytes.size());
  std::string_view path(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  if (path.ends_with(kReplaced)) path.remove_suffix(kReplaced.size());
  return std::string(path);
}

std::uint64_t boot_of(const std::string& proc) {
  ProcText bytes;
  const std::string_view text = read_proc(proc + "/sys/kernel/random/boot_id", bytes);
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace

StreamTable::StreamTable(const std::filesystem::path& proc, const Exclusions* exclusions, Now now)
    : proc_(proc.string()), exclusions_(exclusions), now_(std::move(now)), boot_(boot_of(proc_)) {}

std::optional<StreamTable::Entry> StreamTable::known(std::uint32_t thread) const {
  auto entries = entries_.lock();
  const auto found = entries->find(thread);
  if (found == entries->end()) return std::nullopt;
  return found->second;
}

std::optional<StreamTable::Thread> StreamTable::thread(std::uint32_t id, std::uint64_t started,
                                                       const std::optional<Entry>& known) const {
  if (known && known->thread.started == started) return known->thread;
  const auto group = thread_group(fmt::format("{}/{}", proc_, id));
  if (!group) return std::nullopt;
  if (*group == id) return Thread{started, id, started};
  const auto group_started = start_time(fmt::format("{}/{}", proc_, *group));
  if (!group_started) return std::nullopt;
  return Thread{started, *group, *group_started};
}

Stream StreamTable::look(Caller caller) {
  if (caller.thread == 0) return {};
  const std::string directory = fmt::format("{}/{}", proc_, caller.thread);
  const auto started = start_time(directory);
  if (!started) return {};
  const auto before = known(caller.thread);
  const auto who = thread(caller.thread, *started, before);
  if (!who) return {};
  std::string path = executable_of(directory);
  Stream stream;
  if (before && before->stream.executable != nullptr && *before->stream.executable == path) {
    stream = before->stream;
  } else if (!path.empty()) {
    stream.program = program_id(path);
    stream.excluded = exclusions_ != nullptr && exclusions_->program(path);
    stream.executable = std::make_shared<const std::string>(std::move(path));
  }
  stream.marked = is_marked(who->group);
  const std::array<std::uint64_t, 5> identity{boot_, who->group, who->group_started, stream.program,
                                              caller.user};
  stream.id = XXH3_64bits(identity.data(), sizeof(identity));
  const Entry entry{*who, caller.user, now_(), stream};
  auto entries = entries_.lock();
  if (entries->size() >= kThreadsMax && !entries->contains(caller.thread)) entries->clear();
  entries->insert_or_assign(caller.thread, entry);
  return stream;
}

// Looked at anew each time that a stream is: a process that was known before may be below by now.
bool StreamTable::is_marked(std::uint32_t process) const {
  constexpr int kDepthMax = 64;
  const std::uint64_t top = mark_below_;
  std::uint64_t at = process;
  for (int depth = 0; top != 0 && at > 1 && depth < kDepthMax; ++depth) {
    if (at == top) return true;
    at = parent_of(fmt::format("{}/{}", proc_, at)).value_or(0);
  }
  return false;
}

void StreamTable::mark_below(std::uint32_t process) {
  mark_below_ = process;
  entries_.lock()->clear();  // what is remembered was not marked, or is no more
}

Stream StreamTable::recall(Caller caller) {
  if (caller.thread == 0) return {};
  const auto now = now_();
  {
    auto entries = entries_.lock();
    const auto found = entries->find(caller.thread);
    if (found != entries->end() && found->second.user == caller.user &&
        now - found->second.seen < kFreshFor) {
      return found->second.stream;
    }
  }
  return look(caller);
}

}  // namespace augurfs
