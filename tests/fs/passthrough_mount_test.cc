// Files that the kernel reads by itself, without the daemon.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cache/disk.h"
#include "fs/mounted_file_system.h"
#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

constexpr std::size_t kBytes = (1U << 20U) + 123;

UniqueFd open_file(const std::filesystem::path& path, int more_flags = 0) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | more_flags));
  EXPECT_TRUE(file) << path << ": " << std::strerror(errno);
  return file;
}

// All of an open file, from its beginning.
std::string content_of(const UniqueFd& file) {
  std::string bytes(2 * kBytes, '\0');
  const auto got = real_disk().read(file.get(), 0, std::as_writable_bytes(std::span(bytes)));
  EXPECT_TRUE(got) << got.error().message;
  bytes.resize(got.value_or(0));
  return bytes;
}

class Mapping {
 public:
  explicit Mapping(const UniqueFd& file)
      : bytes_(::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file.get(), 0)) {
    EXPECT_NE(bytes_, MAP_FAILED) << std::strerror(errno);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(bytes_, kBytes); }

  std::string content() const { return {static_cast<const char*>(bytes_), kBytes}; }

 private:
  void* bytes_;
};

bool kernel_is_new_enough() {
  utsname names{};
  ::uname(&names);
  int major = 0;
  int minor = 0;
  std::sscanf(names.release, "%d.%d", &major, &minor);
  constexpr std::pair kSince{6, 9};
  return std::pair{major, minor} >= kSince;
}

class MountedPassthrough : public testing::Test {
 protected:
  MountedPassthrough() { make({}); }

  void make(MountedFileSystemOptions options) {
    drive_.reset();
    drive_ = std::make_unique<MountedFileSystem>(options);
    on_ = drive_->session().passthrough().on;
  }

  // Into the cache, and out of the hands of who read it.
  std::string put(const std::string& name, std::uint32_t seed = 1) {
    std::string bytes = some_bytes(kBytes, seed);
    const Version version = drive_->store.put(name, bytes);
    drive_->expire();
    cache(name, version);
    return bytes;
  }
  void cache(const std::string& name, const Version& version) {
    const std::uint64_t others = drive_->stats().open_files;
    content_of(open_file(drive_->path(name)));
    ASSERT_TRUE(eventually([&] { return drive_->stats().open_files <= others; }));
    await(version);
  }
  // A reader has its bytes before they are stored.
  void await(const Version& version) {
    ASSERT_TRUE(eventually([&] { return drive_->reader().cached(version, {0, version.size}); }));
  }

  std::uint64_t opens() const { return drive_->session().passthrough().opens; }
  // Where the kernel cannot do it every open is cached, and all else is as it would be.
  std::uint64_t if_on(std::uint64_t opens) const { return on_ ? opens : 0; }

  std::unique_ptr<MountedFileSystem> drive_;
  bool on_ = false;
};

TEST_F(MountedPassthrough, IsOnForRootOnALinuxThatOffersIt) {
  ASSERT_EQ(::geteuid(), 0U) << "needs root, as all that mounts here";
  const PassthroughStats stats = drive_->session().passthrough();
  if (stats.on) {
    EXPECT_TRUE(kernel_is_new_enough());
    EXPECT_EQ(stats.reason, "");
    return;
  }
  // The other tests then see to it that nothing is passed through and all is right all the same.
  EXPECT_EQ(stats.reason, "the kernel does not offer it")
      << "a kernel that offers passthrough refuses root; CAP_SYS_ADMIN may be missing";
}

TEST_F(MountedPassthrough, AFileThatIsWhollyCachedIsReadByTheKernelAlone) {
  const std::string bytes = put("file");
  EXPECT_EQ(opens(), 0U);
  const CacheStats before = drive_->cache_stats();
  const UniqueFd file = open_file(drive_->path("file"));
  EXPECT_EQ(content_of(file), bytes);
  EXPECT_EQ(Mapping(file).content(), bytes);
  EXPECT_EQ(opens(), if_on(1));
  if (on_) {
    EXPECT_EQ(drive_->cache_stats().hits, before.hits);
  }
  EXPECT_EQ(std::filesystem::file_size(drive_->path("file")), kBytes);
}

TEST_F(MountedPassthrough, ASmallFileIsNot) {
  const Version small = drive_->store.put("small", some_bytes(100'000));
  cache("small", small);
  cache("small", small);
  EXPECT_EQ(opens(), 0U);
}

TEST_F(MountedPassthrough, AFileOfWhichSomethingIsMissingIsNot) {
  const std::string bytes = some_bytes(kBytes);
  drive_->store.put("file", bytes);
  const UniqueFd file = open_file(drive_->path("file"));
  EXPECT_EQ(content_of(file), bytes);
  EXPECT_EQ(opens(), 0U);
}

TEST_F(MountedPassthrough, OpensOfOneFileThatIsOpenAlreadyAreOfItsKind) {
  const std::string bytes = some_bytes(kBytes);
  const Version version = drive_->store.put("file", bytes);
  {
    const UniqueFd cached = open_file(drive_->path("file"));
    EXPECT_EQ(content_of(cached), bytes);
    await(version);
    const UniqueFd another = open_file(drive_->path("file"));
    EXPECT_EQ(content_of(another), bytes);
    EXPECT_EQ(opens(), 0U);
  }
  ASSERT_TRUE(eventually([&] { return drive_->stats().open_files == 0; }));
  const UniqueFd passed = open_file(drive_->path("file"));
  const UniqueFd another = open_file(drive_->path("file"));
  EXPECT_EQ(content_of(passed), bytes);
  EXPECT_EQ(content_of(another), bytes);
  EXPECT_EQ(opens(), if_on(2));
}

TEST_F(MountedPassthrough, AnOpenWithODirectFitsBesideOthers) {
  const std::string bytes = put("file");
  {
    const UniqueFd direct = open_file(drive_->path("file"), O_DIRECT);
    const UniqueFd after = open_file(drive_->path("file"));
    EXPECT_EQ(content_of(direct), bytes);
    EXPECT_EQ(content_of(after), bytes);
  }
  ASSERT_TRUE(eventually([&] { return drive_->stats().open_files == 0; }));
  const UniqueFd passed = open_file(drive_->path("file"));
  const UniqueFd direct = open_file(drive_->path("file"), O_DIRECT);
  EXPECT_EQ(content_of(passed), bytes);
  EXPECT_EQ(content_of(direct), bytes);
  EXPECT_GE(opens(), if_on(1));
}

// The kernel holds a file open for it; a passed through open would fail with EIO.
TEST_F(MountedPassthrough, AMappingOfACachedFileOutlivesItsDescriptor) {
  const std::string bytes = some_bytes(kBytes);
  const Version version = drive_->store.put("file", bytes);
  {
    auto first = open_file(drive_->path("file"));
    const Mapping mapping(first);
    first = {};
    EXPECT_EQ(mapping.content(), bytes);
    await(version);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(content_of(open_file(drive_->path("file"))), bytes);
    EXPECT_EQ(opens(), 0U);
    EXPECT_EQ(mapping.content(), bytes);
  }
  ASSERT_TRUE(eventually([&] { return drive_->stats().open_files == 0; }));
  EXPECT_EQ(content_of(open_file(drive_->path("file"))), bytes);
  EXPECT_EQ(opens(), if_on(1));
}

TEST_F(MountedPassthrough, AMappingOfAPassedThroughFileOutlivesItsDescriptor) {
  const std::string bytes = put("file");
  auto first = open_file(drive_->path("file"));
  const Mapping mapping(first);
  first = {};
  ASSERT_TRUE(eventually([&] { return drive_->stats().open_files == 0; }));
  EXPECT_EQ(content_of(open_file(drive_->path("file"))), bytes);
  EXPECT_EQ(content_of(open_file(drive_->path("file"), O_DIRECT)), bytes);
  EXPECT_EQ(mapping.content(), bytes);
}

TEST_F(MountedPassthrough, EvictionTakesNothingFromWhoHasAFileOpenOrMapped) {
  MountedFileSystemOptions options;
  options.cache_bytes_max = std::uint64_t{16} << 20U;
  make(options);
  const std::string bytes = put("open");
  const std::string mapped_bytes = put("mapped", 2);
  const UniqueFd file = open_file(drive_->path("open"));
  auto other = open_file(drive_->path("mapped"));
  const Mapping mapping(other);
  other = {};
  EXPECT_EQ(opens(), if_on(2));
  for (std::uint32_t i = 0; i < 40; ++i) put("filler" + std::to_string(i), i);
  EXPECT_GT(drive_->cache_stats().evicted_bytes, 0U);
  EXPECT_LE(drive_->cache_stats().bytes_used, options.cache_bytes_max);
  EXPECT_EQ(content_of(file), bytes);
  EXPECT_EQ(mapping.content(), mapped_bytes);
}

TEST_F(MountedPassthrough, AFileThatIsReplacedWhileOpenKeepsItsBytes) {
  const std::string old = put("file");
  const UniqueFd file = open_file(drive_->path("file"));
  const Mapping mapping(file);
  const std::string fresh = some_bytes(kBytes, 2);
  drive_->store.put("file", fresh);
  drive_->expire();
  EXPECT_EQ(content_of(open_file(drive_->path("file"))), fresh);
  EXPECT_EQ(content_of(file), old);
  EXPECT_EQ(mapping.content(), old);
  EXPECT_EQ(content_of(open_file(drive_->path("file"))), fresh);
}

TEST_F(MountedPassthrough, ManyThreadsThatOpenReadAndMapSeeRightBytes) {
  constexpr int kFiles = 6;
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  MountedFileSystemOptions options;
  options.cache_bytes_max = std::uint64_t{16} << 20U;
  make(options);
  std::vector<std::string> bytes;
  for (std::uint32_t i = 0; i < kFiles; ++i) {
    bytes.push_back(some_bytes(kBytes, i));
    drive_->store.put(std::to_string(i), bytes.back());
  }
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < kRounds; ++round) {
          const auto which = static_cast<std::size_t>((thread + 1) * round % kFiles);
          auto file = open_file(drive_->path(std::to_string(which)));
          if (round % 3 == 0) {
            const Mapping mapping(file);
            file = {};
            if (mapping.content() != bytes[which]) ++wrong;
          } else if (content_of(file) != bytes[which]) {
            ++wrong;
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(opens(), if_on(1));
}

TEST_F(MountedPassthrough, SwitchedOffNothingIsPassedThrough) {
  MountedFileSystemOptions options;
  options.passthrough = false;
  make(options);
  EXPECT_FALSE(on_);
  EXPECT_EQ(drive_->session().passthrough().reason, "mount.passthrough is off");
  const std::string bytes = put("file");
  EXPECT_EQ(content_of(open_file(drive_->path("file"))), bytes);
  EXPECT_EQ(opens(), 0U);
}

// The program, with a cache that a few files fill.
class PassthroughProgram : public testing::Test {
 protected:
  void SetUp() override {
    drive_.put("file", bytes_);
    for (int i = 0; i < kFillers; ++i)
      drive_.put("filler/" + std::to_string(i), some_bytes(kBytes, 2));
    ASSERT_EQ(drive_.mount(kSettings).exit_code, 0);
    on_ = status().at("state") == "on";
  }

  nlohmann::json status() const {
    const auto answer = drive_.augurfs({"status", drive_.path(), "--json"});
    return nlohmann::json::parse(answer.output).at("passthrough");
  }
  // Once what was fetched is on the disk.
  UniqueFd open_passed_through() const {
    UniqueFd file;
    EXPECT_TRUE(eventually([&] {
      file = {};
      file = open_file(drive_.path("file"));
      EXPECT_EQ(content_of(file), bytes_);
      return !on_ || status().at("opens") > 0;
    }));
    return file;
  }
  // Of a file that the daemon reads, the kernel may still have pages; nobody serves the others.
  void dies_with_the_daemon(const UniqueFd& file) {
    ASSERT_EQ(::posix_fadvise(file.get(), 0, kBytes / 2, POSIX_FADV_DONTNEED), 0);
    drive_.kill_daemon();
    ASSERT_TRUE(drive_.unmounts());
    std::size_t errors = 0;
    for (std::size_t at = 0; at < kBytes; at += kPieceBytes) {
      std::string piece(kPieceBytes, '\0');
      const ssize_t got = ::pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
      if (got < 0) ++errors;
      piece.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      EXPECT_EQ(piece, bytes_.substr(at, piece.size())) << "at " << at;
    }
    EXPECT_GT(errors, 0U);
  }
  void fill() const {
    for (int i = 0; i < kFillers; ++i) read_file(drive_.path("filler/" + std::to_string(i)));
  }

  static constexpr int kFillers = 60;
  static constexpr std::size_t kPieceBytes = 64 << 10;
  const std::vector<std::string> kSettings{"--set", "cache.size=48 MiB", "--set",
                                           "history.enabled=false"};
  const std::string bytes_ = some_bytes(kBytes);
  TestMount drive_;
  bool on_ = false;
};

TEST_F(PassthroughProgram, StatusSaysWhetherItIsOnAndHowMuchItIsUsed) {
  const UniqueFd file = open_passed_through();
  const auto json = status();
  const auto text = drive_.augurfs({"status", drive_.path()}).output;
  if (on_) {
    EXPECT_EQ(json.at("reason"), "");
    EXPECT_EQ(json.at("files"), 1);
    EXPECT_NE(text.find("passthrough on, "), std::string::npos) << text;
  } else {
    EXPECT_EQ(json.at("reason"), "the kernel does not offer it");
    EXPECT_NE(text.find("passthrough off; "), std::string::npos) << text;
  }
}

TEST_F(PassthroughProgram, SwitchedOffStatusSaysSo) {
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  ASSERT_EQ(drive_.mount({"--set", "mount.passthrough=off"}).exit_code, 0);
  EXPECT_EQ(status().at("state"), "off");
  EXPECT_EQ(status().at("reason"), "mount.passthrough is off");
}

TEST_F(PassthroughProgram, WhoHasAFileOpenWhenTheDaemonIsKilledNeverSeesOtherBytes) {
  auto file = open_passed_through();
  if (!on_) return dies_with_the_daemon(file);
  const Mapping mapping(file);
  drive_.kill_daemon();
  ASSERT_TRUE(drive_.unmounts());
  EXPECT_EQ(content_of(file), bytes_);
  ASSERT_EQ(drive_.mount(kSettings).exit_code, 0);
  fill();
  EXPECT_GT(drive_.status("cache", "evicted_bytes"), 0U);
  EXPECT_EQ(content_of(file), bytes_);
  file = {};
  fill();
  EXPECT_EQ(mapping.content(), bytes_);
  EXPECT_EQ(read_file(drive_.path("file")), bytes_);
}

TEST_F(PassthroughProgram, SwitchedOffAnOpenFileGivesItsBytesOrAnErrorOnceTheDaemonIsKilled) {
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  ASSERT_EQ(drive_.mount({"--set", "mount.passthrough=off"}).exit_code, 0);
  const UniqueFd file = open_file(drive_.path("file"));
  EXPECT_EQ(content_of(file), bytes_);
  dies_with_the_daemon(file);
}

TEST_F(PassthroughProgram, AMappedFileKeepsTheDriveMounted) {
  {
    auto file = open_passed_through();
    const Mapping mapping(file);
    file = {};
    EXPECT_NE(drive_.unmount().exit_code, 0);
    fill();
    EXPECT_EQ(mapping.content(), bytes_);
  }
  const ProgramResult unmounted = drive_.unmount();
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
}

}  // namespace
}  // namespace augurfs
