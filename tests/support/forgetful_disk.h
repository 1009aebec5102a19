#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <vector>

#include "remote/guarded.h"
#include "support/hooked_disk.h"

namespace augurfs {

// A disk that may lose what it was given, as one does whose kernel fails to write back: what was
// not synced then reads as zeros, and who has the file open is told once by sync() or
// check_written(). As with Linux, a descriptor opened later is told as well unless somebody has
// been told before. Thread rule: any thread.
class ForgetfulDisk : public HookedDisk {
 public:
  // Loses all that was written and not synced.
  void lose();
  // As after the file was dropped from the kernel's memory: who opens it now is told nothing.
  void forget_errors();
  int syncs() const { return state_.lock()->syncs; }

  Result<UniqueFd> open(const std::filesystem::path& path, int flags) override;
  Result<void> write(int fd, std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<void> sync(int fd) override;
  Result<void> check_written(int fd) override;

 private:
  struct File {
    std::vector<ByteRange> unsynced;
    std::uint64_t losses = 0;
    bool told = true;  // the last loss to anybody
  };
  struct Descriptor {
    std::filesystem::path path;
    std::uint64_t losses_told = 0;
  };
  struct State {
    std::map<std::filesystem::path, File> files;
    std::map<int, Descriptor> descriptors;  // of a number, the one opened last
    int syncs = 0;
  };

  static Result<void> tell(State& state, int fd);

  Guarded<State> state_;
};

}  // namespace augurfs
