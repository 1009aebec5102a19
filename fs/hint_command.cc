#include "fs/hint_command.h"

#include <spdlog/fmt/fmt.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fs/admin_socket.h"
#include "fs/mount_point.h"
#include "fs/print_error.h"
#include "fs/running_mounts.h"

namespace augurfs {
namespace {

struct Sum {
  std::uint64_t accepted = 0;
  std::uint64_t malformed = 0;
  std::uint64_t no_room = 0;
  std::string first_malformed;
};

// Collects records and sends them, a socketful at a time.
class Announcer {
 public:
  Announcer(const HintCommand& command, std::filesystem::path socket, std::string mount_point)
      : end_(command.null_separated ? '\0' : '\n'),
        socket_(std::move(socket)),
        mount_point_(std::move(mount_point) + "/") {}

  Result<void> add(std::string_view record) {
    if (record.empty()) return {};
    if (record.starts_with(mount_point_)) record.remove_prefix(mount_point_.size());
    if (body_.size() + record.size() + 1 > kAdminBodyBytesMax) {
      if (auto sent = send(); !sent) return sent;
    }
    body_.append(record).push_back(end_);
    return {};
  }

  Result<void> send() {
    if (body_.empty()) return {};
    const auto answer = ask_daemon(socket_, "/hints/announce",
                                   {{"end", end_ == '\0' ? "0" : "n"}, {"body", body_}});
    if (!answer) return answer.error();
    body_.clear();
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.is_object()) return Error{ErrorCode::kCorrupt, "the daemon's answer makes no sense"};
    sum_.accepted += json.value("accepted", std::uint64_t{0});
    sum_.malformed += json.value("malformed", std::uint64_t{0});
    sum_.no_room += json.value("no_room", std::uint64_t{0});
    if (sum_.first_malformed.empty()) sum_.first_malformed = json.value("first_malformed", "");
    return {};
  }

  const Sum& sum() const { return sum_; }

 private:
  const char end_;
  const std::filesystem::path socket_;
  const std::string mount_point_;
  std::string body_;
  Sum sum_;
};

Result<Sum> hint(const HintCommand& command, const Environment& environment) {
  const auto socket = mount_socket(command.directory, environment);
  if (!socket) return socket.error();
  const auto mount_point = resolve_mount_point(command.directory);
  if (!mount_point) return mount_point.error();
  if (command.clear || command.replace) {
    const auto cleared = ask_daemon(*socket, "/hints/clear");
    if (!cleared) return cleared.error();
    if (command.clear) return Sum{};
  }
  Announcer announcer(command, *socket, mount_point->string());
  // A fixed place for a record: without an end of line in it, any file would be read into memory.
  std::string place(kAdminBodyBytesMax, '\0');
  const char end = command.null_separated ? '\0' : '\n';
  while (std::cin.getline(place.data(), static_cast<std::streamsize>(place.size()), end)) {
    const auto taken = static_cast<std::size_t>(std::cin.gcount());
    const std::string_view record(place.data(), std::cin.eof() ? taken : taken - 1);
    if (auto added = announcer.add(record); !added) return added.error();
  }
  if (!std::cin.eof()) return Error{ErrorCode::kInvalid, "a path of more than 4 MiB"};
  if (auto sent = announcer.send(); !sent) return sent.error();
  return announcer.sum();
}

}  // namespace

int run_hint(const HintCommand& command, const Environment& environment) {
  const auto sum = hint(command, environment);
  if (!sum) {
    print_error(sum.error().code == ErrorCode::kNotFound
                    ? "no mount of yours on " + command.directory.string()
                    : sum.error().message);
    return 1;
  }
  if (command.clear) return 0;
  fmt::print("{} reads announced\n", sum->accepted);
  if (sum->malformed > 0) {
    print_error(fmt::format("{} left out, the first: {}", sum->malformed, sum->first_malformed));
  }
  if (sum->no_room > 0) {
    print_error(fmt::format(
        "{} left out: 64 MiB of paths are waiting already; announce them when some were read",
        sum->no_room));
  }
  return sum->malformed + sum->no_room > 0 ? 1 : 0;
}

}  // namespace augurfs
