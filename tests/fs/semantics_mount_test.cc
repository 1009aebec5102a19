// Each promise of docs/semantics.md, quoted, on a mounted file system.
// tests/house/semantics_test.cc fails when one has no test here, or a quote differs from the page.

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "fs/huge_store.h"
#include "fs/mounted_file_system.h"
#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/s3_server.h"

namespace augurfs {
namespace {

using namespace std::string_literals;
using Names = std::set<std::string>;

constexpr std::size_t kPage = 4096;  // of the kernel, and of the cache as it is mounted here
constexpr MountedFileSystemOptions kKernelAsks{};
constexpr MountedFileSystemOptions kKernelBelieves{.name_ttl = MountedFileSystemOptions::kForEver};

// Errors as text, so that they compare with bytes: "ESTALE".
std::string errno_name() { return ::strerrorname_np(errno); }

UniqueFd open_file(const std::filesystem::path& path, int flags = O_RDONLY) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

// Opens for reads at random places, so that the kernel does not read ahead.
UniqueFd open_random(const std::filesystem::path& path) {
  UniqueFd file = open_file(path);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);
  return file;
}

std::string bytes_at(const UniqueFd& file, std::uint64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), count, static_cast<off_t>(offset));
  if (got < 0) return errno_name();
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

// Up to a mebibyte of a file.
std::string content(const std::filesystem::path& path) {
  const UniqueFd file = open_file(path);
  if (!file) return errno_name();
  return bytes_at(file, 0, 1 << 20);
}

struct stat inspect(const std::filesystem::path& path) {
  struct stat result {};
  if (::stat(path.c_str(), &result) != 0) ADD_FAILURE() << path << ": " << errno_name();
  return result;
}

struct stat inspect(const UniqueFd& file) {
  struct stat result {};
  if (::fstat(file.get(), &result) != 0) ADD_FAILURE() << errno_name();
  return result;
}

std::string stat_error(const std::filesystem::path& path) {
  struct stat ignored {};
  return ::stat(path.c_str(), &ignored) == 0 ? "" : errno_name();
}

// The names in a directory, each of which must be what readdir() says it is; "/" after directories.
Names read_names(DIR* directory) {
  Names names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    EXPECT_TRUE(names.insert(name + (entry->d_type == DT_DIR ? "/" : "")).second) << name;
  }
  return names;
}

Names names(const std::filesystem::path& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return {errno_name()};
  Names result = read_names(directory);
  ::closedir(directory);
  return result;
}

// S1. The key `a/b/c` below the mounted prefix is the file `c` in the directory `b` in the
// directory `a`.
TEST(Semantics, S1) {
  MountedFileSystem drive({.prefix = "in/side/"});
  drive.store.put("in/side/a/b/c", "bytes");
  drive.store.put("in/other", "bytes");
  EXPECT_EQ(names(drive.path()), (Names{"a/"}));
  EXPECT_EQ(names(drive.path("a")), (Names{"b/"}));
  EXPECT_EQ(names(drive.path("a/b")), (Names{"c"}));
  EXPECT_EQ(content(drive.path("a/b/c")), "bytes");
}

// S2. A name may hold any byte but `/` and NUL: spaces, backslashes, newlines, and bytes that are
// not UTF-8.
TEST(Semantics, S2) {
  MountedFileSystem drive;
  std::string odd;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') odd += static_cast<char>(byte);
  }
  drive.store.put(odd, "bytes");
  EXPECT_EQ(names(drive.path()), (Names{odd}));
  EXPECT_EQ(content(drive.path(odd)), "bytes");
}

// S3. Where both `a` and `a/b` are keys, `a` is a directory and the object `a` is unreachable.
TEST(Semantics, S3) {
  MountedFileSystem drive;
  drive.store.put("a", "object");
  drive.store.put("a/b", "bytes");
  EXPECT_EQ(names(drive.path()), (Names{"a/"}));
  EXPECT_TRUE(S_ISDIR(inspect(drive.path("a")).st_mode));
  EXPECT_EQ(content(drive.path("a/b")), "bytes");
  EXPECT_EQ(drive.stats().unreachable_keys, 1U);
}

// S4. A key that ends in `/` makes a directory, also an empty one, and shows nowhere else.
TEST(Semantics, S4) {
  MountedFileSystem drive;
  drive.store.put("empty/", "");
  drive.store.put("full/", "");
  drive.store.put("full/file", "");
  EXPECT_EQ(names(drive.path()), (Names{"empty/", "full/"}));
  EXPECT_EQ(names(drive.path("empty")), Names{});
  EXPECT_EQ(names(drive.path("full")), (Names{"file"}));
  EXPECT_EQ(drive.stats().unreachable_keys, 0U);
}

// S5. A key that begins with `/` or holds `//` is unreachable, because a path has no empty names.
TEST(Semantics, S5) {
  MountedFileSystem drive;
  drive.store.put("/x", "unreachable");
  drive.store.put("a//x", "unreachable");
  drive.store.put("a/x", "bytes");
  EXPECT_EQ(names(drive.path()), (Names{"a/"}));
  EXPECT_EQ(names(drive.path("a")), (Names{"x"}));
  EXPECT_EQ(content(drive.path().string() + "/a//x"), "bytes");
  EXPECT_EQ(drive.stats().unreachable_keys, 2U);
}

// S6. A key with a component `.` or `..` is unreachable.
TEST(Semantics, S6) {
  MountedFileSystem drive;
  for (const char* key : {"./x", "../x", "a/.", "a/../x"}) drive.store.put(key, "unreachable");
  drive.store.put("a/...", "bytes");
  EXPECT_EQ(names(drive.path()), (Names{"a/"}));
  EXPECT_EQ(names(drive.path("a")), (Names{"..."}));
  EXPECT_EQ(drive.stats().unreachable_keys, 4U);
}

// S7. A key with a component of more than 255 bytes is unreachable, and asking for such a name
// fails with ENAMETOOLONG.
TEST(Semantics, S7) {
  MountedFileSystem drive;
  const std::string longest(255, 'n');
  drive.store.put(longest, "bytes");
  drive.store.put(longest + "n", "unreachable");
  drive.store.put(longest + "nn/x", "unreachable");
  EXPECT_EQ(names(drive.path()), (Names{longest}));
  EXPECT_EQ(content(drive.path(longest)), "bytes");
  EXPECT_EQ(stat_error(drive.path(longest + "n")), "ENAMETOOLONG");
  EXPECT_EQ(stat_error(drive.path(longest + "nn/x")), "ENAMETOOLONG");
  EXPECT_EQ(stat_error(drive.path(std::string(1025, 'n'))), "ENAMETOOLONG");
  EXPECT_EQ(drive.stats().unreachable_keys, 2U);
}

// S8. A key of more than 4,095 bytes, or with a NUL in it, is unreachable.
TEST(Semantics, S8) {
  std::string prefix;
  while (prefix.size() < 4000) prefix += std::string(249, 'd') + "/";
  MountedFileSystem drive({.prefix = prefix});
  const std::string longest(4095 - prefix.size(), 'f');
  drive.store.put(prefix + longest, "bytes");
  drive.store.put(prefix + longest + "f", "unreachable");
  drive.store.put(prefix + "f\0f"s, "unreachable");
  EXPECT_EQ(names(drive.path()), (Names{longest}));
  EXPECT_EQ(content(drive.path(longest)), "bytes");
  EXPECT_EQ(stat_error(drive.path(longest + "f")), "ENOENT");
  EXPECT_EQ(stat_error(drive.path("f")), "ENOENT");
  EXPECT_EQ(drive.stats().unreachable_keys, 2U);
}

// S9. Unreachable keys are counted when their directory is listed, and logged once per directory.
TEST(Semantics, S9) {
  std::ostringstream log;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  {
    MountedFileSystem drive;
    drive.store.put("a/..", "unreachable");
    drive.store.put("a/.", "unreachable");
    drive.store.put("a/b", "bytes");
    EXPECT_EQ(drive.stats().unreachable_keys, 0U);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(names(drive.path("a")), (Names{"b"}));
      EXPECT_EQ(drive.stats().unreachable_keys, 2U);
      drive.expire();
    }
  }
  spdlog::set_default_logger(before);
  const std::string line = "fs.unreachable_keys directory=\"a/\" keys=2 example=\"a/.\"";
  const std::string text = log.str();
  EXPECT_NE(text.find(line), std::string::npos) << text;
  EXPECT_EQ(text.find("fs.unreachable_keys"), text.rfind("fs.unreachable_keys")) << text;
}

// S10. A mounted prefix below which there is no key is an empty directory.
TEST(Semantics, S10) {
  MountedFileSystem drive({.prefix = "nothing/here/"});
  EXPECT_EQ(names(drive.path()), Names{});
  EXPECT_TRUE(S_ISDIR(inspect(drive.path()).st_mode));
}

// S11. A directory of 50,000 objects lists each of them once.
TEST(Semantics, S11) {
  MountedFileSystem drive;
  for (int i = 0; i < 50'000; ++i) drive.store.put("d/" + std::to_string(i), "");
  const Names found = names(drive.path("d"));
  EXPECT_EQ(found.size(), 50'000U);
  EXPECT_TRUE(found.contains("0") && found.contains("49999"));
}

// S12. A tree 100 levels deep can be walked to its end.
TEST(Semantics, S12) {
  MountedFileSystem drive;
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "level" + std::to_string(i) + "/";
  drive.store.put(deep + "leaf", "bytes");
  EXPECT_EQ(names(drive.path(deep)), (Names{"leaf"}));
  EXPECT_EQ(content(drive.path(deep + "leaf")), "bytes");
}

// S13. A read returns bytes of the version that was opened, fewer than asked for only at its end.
TEST(Semantics, S13) {
  MountedFileSystem drive;
  std::string bytes;
  for (int i = 0; bytes.size() < 100'000; ++i) bytes += std::to_string(i) + ",";
  drive.store.put("a", bytes);
  const UniqueFd file = open_file(drive.path("a"));
  for (const std::size_t offset : {0UL, 1UL, kPage - 1, 50'000UL, bytes.size() - 1}) {
    for (const std::size_t count : {1UL, kPage, 200'000UL}) {
      EXPECT_EQ(bytes_at(file, offset, count), bytes.substr(offset, count));
    }
  }
  EXPECT_EQ(bytes_at(file, bytes.size(), 10), "");
  EXPECT_EQ(bytes_at(file, bytes.size() + 123'456, 10), "");
}

// S14. An object of 0 bytes is an empty file.
TEST(Semantics, S14) {
  MountedFileSystem drive;
  drive.store.put("a", "");
  EXPECT_EQ(inspect(drive.path("a")).st_size, 0);
  EXPECT_TRUE(S_ISREG(inspect(drive.path("a")).st_mode));
  EXPECT_EQ(content(drive.path("a")), "");
}

// S15. An object of more than 5 GiB can be read at any offset.
TEST(Semantics, S15) {
  HugeStore huge;
  MountedFileSystem drive({.store = &huge});
  EXPECT_EQ(inspect(drive.path("huge")).st_size, static_cast<off_t>(HugeStore::kSize));
  const UniqueFd file = open_random(drive.path("huge"));
  for (const std::uint64_t offset : {std::uint64_t{0}, (std::uint64_t{4} << 30) - 2,
                                     std::uint64_t{5} << 30, HugeStore::kSize - 4}) {
    EXPECT_EQ(bytes_at(file, offset, 4), HugeStore::bytes(offset, 4));
  }
}

// S16. When an object is replaced while it is open, bytes of the old version that are cached can
// still be read, and a read of others fails with ESTALE.
TEST(Semantics, S16) {
  MountedFileSystem drive;
  // Longer than the first MiB, which comes at once.
  drive.store.put("a", std::string(400 * kPage, 'o'));
  const UniqueFd file = open_random(drive.path("a"));
  ASSERT_EQ(bytes_at(file, 0, 10), std::string(10, 'o'));
  drive.store.put("a", std::string(400 * kPage, 'n'));
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);  // the kernel asks for the page again
  EXPECT_EQ(bytes_at(file, 5, 10), std::string(10, 'o'));
  EXPECT_EQ(bytes_at(file, 300 * kPage, 10), "ESTALE");
}

// S17. When an object is removed while it is open, a read of bytes that are not cached fails with
// ESTALE.
TEST(Semantics, S17) {
  MountedFileSystem drive;
  drive.store.put("a", std::string(400 * kPage, 'o'));
  const UniqueFd file = open_random(drive.path("a"));
  ASSERT_EQ(bytes_at(file, 0, 10), std::string(10, 'o'));
  drive.store.remove("a");
  EXPECT_EQ(bytes_at(file, 300 * kPage, 10), "ESTALE");
}

// S18. A program that opens a replaced object reads only bytes of the new version, whatever others
// who have the old one open read.
TEST(Semantics, S18) {
  for (const std::size_t new_pages : {5U, 10U, 20U}) {
    MountedFileSystem drive(kKernelBelieves);
    drive.store.put("a", std::string(10 * kPage, 'o'));
    const UniqueFd old = open_random(drive.path("a"));
    ASSERT_EQ(bytes_at(old, 0, 10 * kPage), std::string(10 * kPage, 'o'));
    const std::string fresh_bytes(new_pages * kPage, 'n');
    drive.store.put("a", fresh_bytes);
    drive.expire();
    const UniqueFd fresh = open_random(drive.path("a"));
    ASSERT_TRUE(fresh) << errno_name();
    for (std::size_t page = 0; page < 20; ++page) {
      const std::string expected = page < 10 ? std::string(10, 'o') : "";
      ASSERT_EQ(bytes_at(old, page * kPage, 10), expected);
      ASSERT_EQ(bytes_at(fresh, page * kPage, 10), page < new_pages ? std::string(10, 'n') : "");
    }
    EXPECT_EQ(content(drive.path("a")), fresh_bytes);
  }
}

// S19. A file that is mapped stays the version that was mapped.
TEST(Semantics, S19) {
  MountedFileSystem drive(kKernelBelieves);
  drive.store.put("a", std::string(2 * kPage, 'o'));
  UniqueFd file = open_file(drive.path("a"));
  void* memory = ::mmap(nullptr, 2 * kPage, PROT_READ, MAP_SHARED, file.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::string_view mapped(static_cast<const char*>(memory), 2 * kPage);
  ASSERT_EQ(mapped, std::string(2 * kPage, 'o'));
  file = {};
  drive.store.put("a", std::string(2 * kPage, 'n'));
  drive.expire();
  EXPECT_EQ(content(drive.path("a")), std::string(2 * kPage, 'n'));
  EXPECT_EQ(mapped, std::string(2 * kPage, 'o'));
  ::munmap(memory, 2 * kPage);
}

// S20. An open sees the object that was current at most one `metadata.ttl` ago.
TEST(Semantics, S20) {
  for (const auto& options : {kKernelAsks, kKernelBelieves}) {
    MountedFileSystem drive(options);
    drive.store.put("a", "old");
    ASSERT_EQ(content(drive.path("a")), "old");
    drive.store.put("a", "newer");
    drive.expire();
    EXPECT_EQ(content(drive.path("a")), "newer");
  }
}

// S21. A name that is looked up, its size and its time are at most one `metadata.ttl` old, and so
// is an absence.
TEST(Semantics, S21) {
  MountedFileSystem drive({.name_ttl = std::chrono::milliseconds{30}});
  drive.store.put("a", "old");
  ASSERT_EQ(inspect(drive.path("a")).st_size, 3);
  ASSERT_EQ(stat_error(drive.path("b")), "ENOENT");
  drive.store.put("a", "newer");
  drive.store.put("b", "there");
  drive.expire();
  EXPECT_TRUE(eventually([&] { return inspect(drive.path("a")).st_size == 5; }));
  EXPECT_TRUE(eventually([&] { return stat_error(drive.path("b")).empty(); }));
}

// S22. A replaced object is a fresh inode with its own size and time, as after rename(2) over the
// file, and an open descriptor keeps showing the old ones.
TEST(Semantics, S22) {
  MountedFileSystem drive(kKernelAsks);
  drive.store.put("a", "old");
  const UniqueFd file = open_file(drive.path("a"));
  const struct stat old = inspect(file);
  drive.store.put("a", "newer");
  drive.expire();
  const struct stat fresh = inspect(drive.path("a"));
  EXPECT_NE(fresh.st_ino, old.st_ino);
  EXPECT_EQ(fresh.st_size, 5);
  EXPECT_GT(fresh.st_mtim.tv_sec, old.st_mtim.tv_sec);
  EXPECT_EQ(inspect(file).st_ino, old.st_ino);
  EXPECT_EQ(inspect(file).st_size, 3);
  EXPECT_EQ(inspect(file).st_mtim.tv_sec, old.st_mtim.tv_sec);
}

// S23. After a read has failed with ESTALE the next open sees the new version at once.
TEST(Semantics, S23) {
  MountedFileSystem drive(kKernelBelieves);
  drive.store.put("a", std::string(100 * kPage, 'o'));
  const UniqueFd file = open_random(drive.path("a"));
  drive.store.put("a", "new");
  ASSERT_EQ(bytes_at(file, 0, 10), "ESTALE");
  EXPECT_EQ(content(drive.path("a")), "new");
}

// S24. Opening an object that is gone fails with ENOENT.
TEST(Semantics, S24) {
  for (const auto& options : {kKernelAsks, kKernelBelieves}) {
    MountedFileSystem drive(options);
    drive.store.put("a", "bytes");
    ASSERT_EQ(content(drive.path("a")), "bytes");
    drive.store.remove("a");
    drive.expire();
    EXPECT_EQ(content(drive.path("a")), "ENOENT");
  }
}

// S25. A directory is gone when its last key is.
TEST(Semantics, S25) {
  MountedFileSystem drive(kKernelAsks);
  drive.store.put("d/a", "bytes");
  ASSERT_EQ(names(drive.path("d")), (Names{"a"}));
  const UniqueFd directory = open_file(drive.path("d"), O_PATH);
  drive.store.remove("d/a");
  drive.expire();
  EXPECT_EQ(stat_error(drive.path("d")), "ENOENT");
  EXPECT_EQ(names(drive.path()), Names{});
  EXPECT_LT(::openat(directory.get(), ".", O_RDONLY | O_CLOEXEC), 0);
  EXPECT_EQ(errno_name(), "ENOENT");
}

// S26. An open directory goes on listing what was there when it was opened.
TEST(Semantics, S26) {
  MountedFileSystem drive(kKernelAsks);
  drive.store.put("a", "");
  drive.store.put("b", "");
  DIR* directory = ::opendir(drive.path().c_str());
  ASSERT_NE(directory, nullptr);
  drive.store.remove("a");
  drive.store.put("c", "");
  drive.expire();
  EXPECT_EQ(names(drive.path()), (Names{"b", "c"}));
  EXPECT_EQ(read_names(directory), (Names{"a", "b"}));
  ::closedir(directory);
}

// The same of a directory that takes many requests to read.
TEST(Semantics, ALargeOpenDirectoryGoesOnListingWhatWasThere) {
  MountedFileSystem drive(kKernelAsks);
  constexpr int kObjects = 10'000;
  Names there;
  for (int i = 0; i < kObjects; ++i) there.insert("n" + std::to_string(i));
  for (const std::string& name : there) drive.store.put("d/" + name, "");
  DIR* directory = ::opendir(drive.path("d").c_str());
  ASSERT_NE(directory, nullptr);
  for (int i = 0; i < kObjects / 2; ++i) ASSERT_NE(::readdir(directory), nullptr);
  const long middle = ::telldir(directory);
  const std::string next = ::readdir(directory)->d_name;
  for (int i = 0; i < kObjects; i += 2) drive.store.remove("d/n" + std::to_string(i));
  for (int i = 0; i < kObjects; ++i) drive.store.put("d/m" + std::to_string(i), "");
  drive.expire();
  EXPECT_EQ(names(drive.path("d")).size(), 15'000U);
  ::seekdir(directory, middle);
  EXPECT_EQ(::readdir(directory)->d_name, next);
  ::rewinddir(directory);
  EXPECT_EQ(read_names(directory), there);
  ::closedir(directory);
}

// The program, on a server that this test may end.
class ServedDrive {
 public:
  ServedDrive() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      drive_.environment()[name] = *S3Server::environment(name);
    }
    drive_.environment()["AWS_EC2_METADATA_DISABLED"] = "true";
    url_ = server_->http().url();
  }

  ProgramResult mount(std::vector<std::string> settings) {
    std::vector<std::string> arguments;
    settings.insert(settings.end(), {"remote.endpoint=" + url_, "prefetch.brain=false"});
    for (auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return drive_.mount_url("s3://bucket", arguments);
  }
  // How many requests `body` makes.
  std::size_t requests_of(const std::function<void()>& body) {
    const std::size_t before = server_->http().requests().size();
    body();
    return server_->http().requests().size() - before;
  }

  MemoryStore& bucket() { return server_->bucket(); }
  void end_server() { server_.reset(); }
  TestMount& operator*() { return drive_; }
  TestMount* operator->() { return &drive_; }

 private:
  std::unique_ptr<S3Server> server_ = std::make_unique<S3Server>();
  std::string url_;
  TestMount drive_;
};

// S42. A directory that was listed on an earlier mount is shown without asking the store for the
// first half of its `metadata.ttl`.
TEST(Semantics, S42) {
  ServedDrive drive;
  drive.bucket().put("d/a", "bytes");
  const std::vector<std::string> settings{"metadata.ttl=1 h"};
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), Names{"a"});
  ASSERT_EQ(drive->unmount().exit_code, 0);
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(drive.requests_of([&] {
    EXPECT_EQ(names(drive->path("d")), Names{"a"});
    EXPECT_EQ(inspect(drive->path("d/a")).st_size, 5);
  }),
            0U);
  ASSERT_EQ(drive->unmount().exit_code, 0);
  drive.bucket().put("d/b", "bytes");
  ASSERT_EQ(drive.mount({"metadata.ttl=2 ms"}).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), (Names{"a", "b"})) << "by now it is older";
}

// S43. With `metadata.stale_while_revalidate` a name may be older than `metadata.ttl` by that much,
// and is asked for anew as soon as it was looked up.
TEST(Semantics, S43) {
  ServedDrive drive;
  drive.bucket().put("d/a", "bytes");
  const std::vector<std::string> settings{"metadata.ttl=2 ms",
                                          "metadata.stale_while_revalidate=1 h"};
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), Names{"a"});
  ASSERT_EQ(drive->unmount().exit_code, 0);
  drive.bucket().put("d/b", "bytes");
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), Names{"a"});
  EXPECT_GT(drive->status("metadata", "stale"), 0U);
  EXPECT_TRUE(eventually([&] { return names(drive->path("d")) == Names{"a", "b"}; }));
}

// S44. With `metadata.stale_if_error` a drive whose store does not answer shows names as they were
// last known and reads what is cached, also when it is mounted without the store.
TEST(Semantics, S44) {
  ServedDrive drive;
  drive.bucket().put("d/a", "bytes");
  drive.bucket().put("d/b", "bytes");
  const std::vector<std::string> settings{"metadata.ttl=2 ms", "metadata.stale_if_error=1 h",
                                          "remote.deadline=2 s"};
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), (Names{"a", "b"}));
  EXPECT_EQ(content(drive->path("d/a")), "bytes");
  drive.end_server();
  for (const bool remounted : {false, true}) {
    SCOPED_TRACE(remounted);
    if (remounted) {
      ASSERT_EQ(drive->unmount().exit_code, 0);
      const ProgramResult mounted = drive.mount(settings);
      ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
      EXPECT_NE(mounted.errors.find("the drive shows what the cache knows"), std::string::npos);
    }
    EXPECT_EQ(names(drive->path("d")), (Names{"a", "b"}));
    EXPECT_EQ(content(drive->path("d/a")), "bytes");
    EXPECT_EQ(stat_error(drive->path("d/none")), "ENOENT");
    EXPECT_NE(drive->augurfs({"status"}).output.find("offline for"), std::string::npos);
    const std::string unread = content(drive->path("d/b"));
    EXPECT_TRUE(unread == "EIO" || unread == "ETIMEDOUT") << unread;
  }
}

// S45. Without `metadata.stale_if_error` a name older than `metadata.ttl` is an error while the
// store does not answer, and so is mounting.
TEST(Semantics, S45) {
  ServedDrive drive;
  drive.bucket().put("d/a", "bytes");
  const std::vector<std::string> settings{"metadata.ttl=2 ms", "remote.deadline=2 s"};
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  EXPECT_EQ(names(drive->path("d")), Names{"a"});
  drive.end_server();
  std::string error;  // the kernel counts in ticks of its own
  EXPECT_TRUE(eventually([&] { return !(error = stat_error(drive->path("d/a"))).empty(); }));
  EXPECT_TRUE(error == "EIO" || error == "ETIMEDOUT") << error;
  ASSERT_EQ(drive->unmount().exit_code, 0);
  const ProgramResult mounted = drive.mount(settings);
  EXPECT_EQ(mounted.exit_code, 1);
  EXPECT_NE(mounted.errors.find("metadata.stale_if_error"), std::string::npos) << mounted.errors;
}

// S27. An object that becomes a directory, or a directory that becomes an object, is a fresh inode.
TEST(Semantics, S27) {
  for (const auto& options : {kKernelAsks, kKernelBelieves}) {
    MountedFileSystem drive(options);
    drive.store.put("a", "object");
    const ino_t object = inspect(drive.path("a")).st_ino;
    drive.store.put("a/b", "bytes");
    drive.expire();
    // Where the kernel believes the name, only an open finds out.
    EXPECT_EQ(content(drive.path("a")), "EISDIR");
    const struct stat directory = inspect(drive.path("a"));
    EXPECT_TRUE(S_ISDIR(directory.st_mode));
    EXPECT_NE(directory.st_ino, object);
    EXPECT_EQ(content(drive.path("a/b")), "bytes");
  }
  MountedFileSystem drive(kKernelAsks);
  drive.store.put("a/b", "bytes");
  const ino_t directory = inspect(drive.path("a")).st_ino;
  drive.store.remove("a/b");
  drive.store.put("a", "object");
  drive.expire();
  EXPECT_EQ(content(drive.path("a")), "object");
  EXPECT_NE(inspect(drive.path("a")).st_ino, directory);
}

// S28. The modification time is that of the object in whole seconds, and access and change time
// are the same.
TEST(Semantics, S28) {
  MountedFileSystem drive;
  drive.store.put("a", "bytes");
  const auto modified = drive.store.head("a", {})->modified.time_since_epoch().count();
  const struct stat found = inspect(drive.path("a"));
  for (const timespec& time : {found.st_mtim, found.st_atim, found.st_ctim}) {
    EXPECT_EQ(time.tv_sec, modified);
    EXPECT_EQ(time.tv_nsec, 0);
  }
}

// S29. A directory shows the time of the mount, because the store knows none.
TEST(Semantics, S29) {
  const std::time_t before = std::time(nullptr);
  MountedFileSystem drive;
  const std::time_t after = std::time(nullptr);
  drive.store.put("d/a", "bytes");
  EXPECT_GE(inspect(drive.path("d")).st_mtim.tv_sec, before);
  EXPECT_LE(inspect(drive.path("d")).st_mtim.tv_sec, after);
  EXPECT_EQ(inspect(drive.path()).st_mtim.tv_sec, inspect(drive.path("d")).st_mtim.tv_sec);
}

// S30. Owner, group and permission bits are those that the mount was given.
TEST(Semantics, S30) {
  MountedFileSystem drive({.uid = 12, .gid = 34, .file_mode = 0440, .directory_mode = 0550});
  drive.store.put("d/a", "bytes");
  for (const char* name : {"d", "d/a"}) {
    EXPECT_EQ(inspect(drive.path(name)).st_uid, 12U);
    EXPECT_EQ(inspect(drive.path(name)).st_gid, 34U);
  }
  EXPECT_EQ(inspect(drive.path("d/a")).st_mode, static_cast<mode_t>(S_IFREG | 0440));
  EXPECT_EQ(inspect(drive.path("d")).st_mode, static_cast<mode_t>(S_IFDIR | 0550));
}

// S31. Every file and directory has one link.
TEST(Semantics, S31) {
  MountedFileSystem drive;
  drive.store.put("d/e/a", "bytes");
  for (const char* name : {"d", "d/e", "d/e/a"}) EXPECT_EQ(inspect(drive.path(name)).st_nlink, 1U);
}

// S32. An inode keeps its number while it is in use.
TEST(Semantics, S32) {
  MountedFileSystem drive(kKernelAsks);
  drive.store.put("d/a", "bytes");
  const UniqueFd file = open_file(drive.path("d/a"));
  const ino_t number = inspect(file).st_ino;
  const ino_t directory = inspect(drive.path("d")).st_ino;
  for (int i = 0; i < 3; ++i) {
    drive.expire();
    EXPECT_EQ(names(drive.path("d")), (Names{"a"}));
    EXPECT_EQ(inspect(drive.path("d/a")).st_ino, number);
    EXPECT_EQ(inspect(drive.path("d")).st_ino, directory);
    EXPECT_EQ(inspect(file).st_ino, number);
  }
}

// S33. A file system shows the size of its cache, and 255 as the longest name.
TEST(Semantics, S33) {
  MountedFileSystem drive;
  struct statvfs space {};
  ASSERT_EQ(::statvfs(drive.path().c_str(), &space), 0);
  EXPECT_EQ(space.f_blocks * space.f_frsize, drive.cache_stats().bytes_max);
  EXPECT_EQ(space.f_namemax, 255U);
}

// S34. Whatever would change a file, a directory or an attribute fails with EROFS.
TEST(Semantics, S34) {
  MountedFileSystem drive;
  drive.store.put("d/a", "bytes");
  const std::string file = drive.path("d/a");
  const std::string directory = drive.path("d");
  const std::string fresh = drive.path("d/new");
  const auto refused = [](int result) {
    EXPECT_EQ(result, -1);
    EXPECT_EQ(errno_name(), "EROFS");
  };
  refused(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  refused(::open(file.c_str(), O_RDONLY | O_TRUNC | O_CLOEXEC));
  refused(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  refused(::truncate(file.c_str(), 0));
  refused(::unlink(file.c_str()));
  refused(::rename(file.c_str(), fresh.c_str()));
  refused(::link(file.c_str(), fresh.c_str()));
  refused(::symlink("a", fresh.c_str()));
  refused(::mkdir(fresh.c_str(), 0755));
  refused(::mknod(fresh.c_str(), S_IFREG | 0644, 0));
  refused(::rmdir(directory.c_str()));
  refused(::chmod(directory.c_str(), 0700));
  refused(::chown(file.c_str(), 1, 1));
  refused(::utimensat(AT_FDCWD, file.c_str(), nullptr, 0));
  refused(::setxattr(file.c_str(), "user.a", "b", 1, 0));
  EXPECT_EQ(content(file), "bytes");
}

// S35. There are no extended attributes, symbolic links or special files: asking for an extended
// attribute fails with EOPNOTSUPP.
TEST(Semantics, S35) {
  MountedFileSystem drive;
  drive.store.put("d/a", "bytes");
  std::array<char, 16> value{};
  EXPECT_EQ(::getxattr(drive.path("d/a").c_str(), "user.a", value.data(), value.size()), -1);
  EXPECT_EQ(errno_name(), "EOPNOTSUPP");
  EXPECT_EQ(::readlink(drive.path("d/a").c_str(), value.data(), value.size()), -1);
  EXPECT_EQ(errno_name(), "EINVAL");
  EXPECT_TRUE(S_ISREG(inspect(drive.path("d/a")).st_mode));
}

// S36. Locks of flock(2) and fcntl(2) hold among the processes of this machine and nowhere else.
TEST(Semantics, S36) {
  MountedFileSystem drive;
  drive.store.put("a", "bytes");
  const UniqueFd one = open_file(drive.path("a"));
  const UniqueFd other = open_file(drive.path("a"));
  ASSERT_EQ(::flock(one.get(), LOCK_EX), 0);
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), -1);
  EXPECT_EQ(errno_name(), "EAGAIN");
  ASSERT_EQ(::flock(one.get(), LOCK_UN), 0);
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
  struct flock shared {};
  shared.l_type = F_RDLCK;
  EXPECT_EQ(::fcntl(one.get(), F_OFD_SETLK, &shared), 0);
  EXPECT_EQ(drive.store.stats().requests, 1U) << "a lock went to the store";
}

// Answers every get() with the error that its key names.
class RefusingStore : public MemoryStore {
 public:
  Result<void> get(const Version& version, ByteRange, const ByteSink&, std::stop_token) override {
    for (const ErrorCode code :
         {ErrorCode::kDenied, ErrorCode::kTimeout, ErrorCode::kUnavailable, ErrorCode::kCorrupt}) {
      if (version.key == to_string(code)) return Error{code, version.key};
    }
    return Error{ErrorCode::kInvalid, version.key};
  }
};

// S37. When the store refuses access the program gets EACCES, and when the store does not answer
// it gets EIO or ETIMEDOUT.
TEST(Semantics, S37) {
  RefusingStore refusing;
  MountedFileSystem drive({.store = &refusing});
  for (const char* key : {"denied", "timeout", "unavailable", "corrupt"})
    refusing.put(key, "bytes");
  EXPECT_EQ(content(drive.path("denied")), "EACCES");
  EXPECT_EQ(content(drive.path("timeout")), "ETIMEDOUT");
  EXPECT_EQ(content(drive.path("unavailable")), "EIO");
  EXPECT_EQ(content(drive.path("corrupt")), "EIO");
}

// How a program ends that reads a page of a file; -1 when it does not end by `signal`.
int ended_by(int signal, const std::function<void()>& read, FetchGate& gate) {
  const std::uint64_t held = gate.counts(FetchGate::kGet).held;
  const pid_t program = ::fork();
  if (program == 0) {
    read();
    ::_exit(0);
  }
  EXPECT_TRUE(gate.wait_until_held(FetchGate::kGet, held + 1));
  EXPECT_EQ(::kill(program, signal), 0);
  int status = -1;
  if (!eventually([&] { return ::waitpid(program, &status, WNOHANG) == program; })) {
    gate.open();
    ::waitpid(program, nullptr, 0);
    return -1;
  }
  return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

// S38. A signal that ends a program ends its read, also a direct one, also while the store does not
// answer.
TEST(Semantics, S38) {
  for (const int flags : {O_RDONLY, O_RDONLY | O_DIRECT}) {
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
      MountedFileSystem drive;
      drive.store.put("a", std::string(100 * kPage, 'x'));
      drive.gate.hold_gets_at(0);
      const std::string path = drive.path("a");
      const auto read = [&] {
        alignas(kPage) static std::array<char, 10 * kPage> bytes;
        const int file = ::open(path.c_str(), flags | O_CLOEXEC);
        static_cast<void>(::read(file, bytes.data(), bytes.size()) >= 0);
      };
      EXPECT_EQ(ended_by(signal, read, drive.gate), signal) << "flags " << flags;
    }
  }
}

// S39. A program that touches a mapped byte which the store does not give gets SIGBUS.
TEST(Semantics, S39) {
  RefusingStore refusing;
  MountedFileSystem drive({.store = &refusing});
  refusing.put("unavailable", "bytes");
  const std::string path = drive.path("unavailable");
  const pid_t program = ::fork();
  if (program == 0) {
    ::signal(SIGBUS, SIG_DFL);  // a sanitizer would catch it
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const void* memory = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, file, 0);
    ::_exit(*static_cast<const volatile char*>(memory));
  }
  int status = -1;
  ASSERT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
}

// S40. A file that is opened with O_DIRECT is read past the page cache, and mapping that descriptor
// shared fails with ENODEV unless the kernel has the file open to read it by itself.
TEST(Semantics, S40) {
  MountedFileSystem drive;
  drive.store.put("a", std::string(2 * kPage, 'x'));
  const UniqueFd file = open_file(drive.path("a"), O_RDONLY | O_DIRECT);
  for (const std::uint64_t reads : {1U, 2U}) {
    EXPECT_EQ(bytes_at(file, 0, kPage), std::string(kPage, 'x'));
    const CacheStats stats = drive.cache_stats();
    EXPECT_EQ(stats.hits + stats.ahead + stats.misses, reads);
  }
  EXPECT_EQ(::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, file.get(), 0), MAP_FAILED);
  EXPECT_EQ(errno_name(), "ENODEV");

  constexpr std::size_t kLarge = 256U << 10U;
  const Version large = drive.store.put("large", std::string(kLarge, 'y'));
  drive.expire();
  EXPECT_EQ(read_file(drive.path("large")), std::string(kLarge, 'y'));
  ASSERT_TRUE(eventually([&] {
    return drive.stats().open_files == 1 && drive.reader().cached(large, {0, kLarge});
  }));
  const UniqueFd cached = open_file(drive.path("large"));
  const bool by_itself = drive.session().passthrough().opens > 0;
  EXPECT_EQ(by_itself, drive.session().passthrough().on);
  const UniqueFd direct = open_file(drive.path("large"), O_RDONLY | O_DIRECT);
  const std::uint64_t before = drive.cache_stats().hits;
  EXPECT_EQ(bytes_at(direct, 0, kPage), std::string(kPage, 'y'));
  EXPECT_EQ(drive.cache_stats().hits, before + 1);
  void* const map = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, direct.get(), 0);
  EXPECT_EQ(map != MAP_FAILED, by_itself);
  if (map != MAP_FAILED) {
    EXPECT_EQ(std::string(static_cast<const char*>(map), kPage), std::string(kPage, 'y'));
    ::munmap(map, kPage);
  }
}

// S41. In a `file://` bucket a symlink to a file inside it is that file; other symlinks, and what
// is neither file nor directory, are unreachable.
TEST(Semantics, S41) {
  TestMount drive;
  drive.put("sub/file", "bytes");
  std::filesystem::create_symlink("sub/file", drive.source("link"));
  std::filesystem::create_symlink("sub", drive.source("directory"));
  std::filesystem::create_symlink("/etc/passwd", drive.source("outside"));
  std::filesystem::create_symlink("nothing", drive.source("broken"));
  ASSERT_EQ(::mkfifo(drive.source("pipe").c_str(), 0600), 0);
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(names(drive.path()), (Names{"link", "sub/"}));
  EXPECT_EQ(content(drive.path("link")), "bytes");
  EXPECT_EQ(stat_error(drive.path("outside")), "ENOENT");
  EXPECT_EQ(drive.status("file_system", "unreachable_keys"), 4U);
}

}  // namespace
}  // namespace augurfs
