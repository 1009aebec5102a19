#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cache/disk.h"

namespace augurfs {

// The machine's disk, but before each operation a test may do something or fail it, and after each
// it may look. Hooks are set while nothing is going on; they run on the thread of the operation
// and do not apply to what a hook itself does.
class HookedDisk : public Disk {
 public:
  enum class Operation {
    kOpen,
    kRead,
    kWrite,
    kResize,
    kPunch,
    kData,
    kRemove,
    kSync,
    kCheck,
    kFree
  };

  std::function<std::optional<Error>(Operation)> before;
  std::function<void(Operation)> after;
  // What the disk says is free; the real disk is asked when this is not set.
  std::function<std::uint64_t()> free;

  // Fails every operation of a kind from now on.
  void fail(Operation failing, ErrorCode code = ErrorCode::kUnavailable) {
    before = [failing, code](Operation operation) -> std::optional<Error> {
      if (operation != failing) return std::nullopt;
      return Error{code, "the test's disk fails"};
    };
  }

  Result<UniqueFd> open(const std::filesystem::path& path, int flags) override {
    return hooked<UniqueFd>(Operation::kOpen, [&] { return Disk::open(path, flags); });
  }
  Result<std::size_t> read(int fd, std::uint64_t offset, std::span<std::byte> out) override {
    return hooked<std::size_t>(Operation::kRead, [&] { return Disk::read(fd, offset, out); });
  }
  Result<void> write(int fd, std::uint64_t offset, std::span<const std::byte> bytes) override {
    return hooked<void>(Operation::kWrite, [&] { return Disk::write(fd, offset, bytes); });
  }
  Result<void> resize(int fd, std::uint64_t size_bytes) override {
    return hooked<void>(Operation::kResize, [&] { return Disk::resize(fd, size_bytes); });
  }
  Result<void> punch(int fd, ByteRange range) override {
    return hooked<void>(Operation::kPunch, [&] { return Disk::punch(fd, range); });
  }
  Result<std::vector<ByteRange>> data(int fd) override {
    return hooked<std::vector<ByteRange>>(Operation::kData, [&] { return Disk::data(fd); });
  }
  Result<void> remove(const std::filesystem::path& path) override {
    return hooked<void>(Operation::kRemove, [&] { return Disk::remove(path); });
  }
  Result<void> sync(int fd) override {
    return hooked<void>(Operation::kSync, [&] { return Disk::sync(fd); });
  }
  Result<void> check_written(int fd) override {
    return hooked<void>(Operation::kCheck, [&] { return Disk::check_written(fd); });
  }
  Result<std::uint64_t> free_bytes(const std::filesystem::path& path) override {
    return hooked<std::uint64_t>(Operation::kFree, [&]() -> Result<std::uint64_t> {
      return free ? Result<std::uint64_t>(free()) : Disk::free_bytes(path);
    });
  }

 private:
  template <typename Value, typename Call>
  Result<Value> hooked(Operation operation, Call call) {
    static thread_local bool inside = false;
    if (inside) return call();
    const auto run = [](auto&& hook) {
      inside = true;
      hook();
      inside = false;
    };
    std::optional<Error> error;
    if (before) run([&] { error = before(operation); });
    if (error) return *error;
    auto result = call();
    if (after) run([&] { after(operation); });
    return result;
  }
};

}  // namespace augurfs
