#include "support/forgetful_disk.h"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace augurfs {

void ForgetfulDisk::lose() {
  auto state = state_.lock();
  for (auto& [path, file] : state->files) {
    if (file.unsynced.empty()) continue;
    // The kernel notes an error before the bytes can go.
    ++file.losses;
    file.told = false;
    const auto fd = real_disk().open(path, O_RDWR);
    for (const ByteRange& range : std::exchange(file.unsynced, {})) {
      if (fd) static_cast<void>(real_disk().punch(fd->get(), range));
    }
  }
}

void ForgetfulDisk::forget_errors() {
  auto state = state_.lock();
  for (auto& [path, file] : state->files) file.told = true;
}

Result<UniqueFd> ForgetfulDisk::open(const std::filesystem::path& path, int flags) {
  auto opened = HookedDisk::open(path, flags);
  if (!opened) return opened;
  auto state = state_.lock();
  const File& file = state->files[path];
  state->descriptors[opened->get()] = {path, file.told ? file.losses : file.losses - 1};
  return opened;
}

Result<void> ForgetfulDisk::write(int fd, std::uint64_t offset, std::span<const std::byte> bytes) {
  auto written = HookedDisk::write(fd, offset, bytes);
  auto state = state_.lock();
  state->files[state->descriptors[fd].path].unsynced.push_back({offset, bytes.size()});
  return written;
}

Result<void> ForgetfulDisk::sync(int fd) {
  const auto unsynced = [fd](State& state) -> std::vector<ByteRange>& {
    return state.files[state.descriptors[fd].path].unsynced;
  };
  const std::size_t count = unsynced(*state_.lock()).size();
  if (auto synced = HookedDisk::sync(fd); !synced) return synced;
  auto state = state_.lock();
  ++state->syncs;
  auto& rest = unsynced(*state);  // what is written during a sync may not be in it
  rest.erase(rest.begin(),
             rest.begin() + static_cast<std::ptrdiff_t>(std::min(count, rest.size())));
  return tell(*state, fd);
}

Result<void> ForgetfulDisk::check_written(int fd) {
  if (auto checked = HookedDisk::check_written(fd); !checked) return checked;
  auto state = state_.lock();
  return tell(*state, fd);
}

Result<void> ForgetfulDisk::tell(State& state, int fd) {
  Descriptor& descriptor = state.descriptors[fd];
  File& file = state.files[descriptor.path];
  if (descriptor.losses_told == file.losses) return {};
  descriptor.losses_told = file.losses;
  file.told = true;
  return Error{ErrorCode::kUnavailable, "the test's disk has lost bytes"};
}

}  // namespace augurfs
