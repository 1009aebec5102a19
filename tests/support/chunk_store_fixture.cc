#include "support/chunk_store_fixture.h"

#include <fcntl.h>

namespace augurfs {

void copy_as_killed(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  std::filesystem::permissions(to, std::filesystem::perms::owner_all);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
    const auto target = to / std::filesystem::relative(entry.path(), from);
    if (entry.is_directory()) {
      std::filesystem::create_directories(target);
      continue;
    }
    Disk& disk = real_disk();
    const auto source = disk.open(entry.path(), O_RDONLY).value();
    const auto copy = disk.open(target, O_RDWR | O_CREAT | O_TRUNC).value();
    ASSERT_TRUE(disk.resize(copy.get(), entry.file_size()));
    const auto ranges = disk.data(source.get()).value();
    for (const ByteRange& range : ranges) {
      std::vector<std::byte> bytes(range.length);
      const std::size_t got = disk.read(source.get(), range.offset, bytes).value();
      ASSERT_TRUE(disk.write(copy.get(), range.offset, std::span(bytes).first(got)));
    }
  }
}

}  // namespace augurfs
