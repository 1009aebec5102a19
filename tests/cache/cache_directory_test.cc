#include "cache/cache_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

class CacheDirectoryTest : public testing::Test {
 protected:
  static unsigned mode(const stdfs::path& path) {
    struct stat info {};
    ::stat(path.c_str(), &info);
    return info.st_mode & 0777U;
  }

  void refused(ErrorCode code, const std::string& saying) const { refused(path_, code, saying); }
  static void refused(const stdfs::path& path, ErrorCode code, const std::string& saying) {
    const auto directory = CacheDirectory::open(path);
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().code, code) << directory.error().message;
    EXPECT_NE(directory.error().message.find(saying), std::string::npos)
        << directory.error().message;
    EXPECT_NE(directory.error().message.find(path.string()), std::string::npos)
        << directory.error().message;
  }

  TemporaryDirectory temporary_;
  const stdfs::path path_ = temporary_.path() / "missing" / "parent" / "cache";
};

TEST_F(CacheDirectoryTest, IsMadeWithItsParentsAndPrivate) {
  const auto directory = CacheDirectory::open(path_);
  ASSERT_TRUE(directory) << directory.error().message;
  EXPECT_EQ(mode(path_), 0700U);
  EXPECT_TRUE(stdfs::exists(path_ / "LOCK"));
  EXPECT_FALSE(stdfs::exists(path_ / "PROBE"));
}

TEST_F(CacheDirectoryTest, MakesAnEmptyDirectoryPrivate) {
  stdfs::create_directories(path_ / "lost+found");
  ::chmod(path_.c_str(), 0755);
  EXPECT_TRUE(CacheDirectory::open(path_));
  EXPECT_EQ(mode(path_), 0700U);
}

TEST_F(CacheDirectoryTest, RefusesADirectoryWithSomebodysFilesAndLeavesItAlone) {
  stdfs::create_directories(path_);
  ::chmod(path_.c_str(), 0755);
  std::ofstream(path_ / "thesis.tex") << "x";
  refused(ErrorCode::kInvalid, "not a cache");
  EXPECT_EQ(mode(path_), 0755U);
  EXPECT_FALSE(stdfs::exists(path_ / "LOCK"));
}

TEST_F(CacheDirectoryTest, RefusesAFile) {
  stdfs::create_directories(path_.parent_path());
  std::ofstream(path_.string()) << "x";
  refused(ErrorCode::kInvalid, "not a directory");
}

TEST_F(CacheDirectoryTest, RefusesADirectoryInUseAndNamesTheProcess) {
  {
    const auto first = CacheDirectory::open(path_);
    ASSERT_TRUE(first);
    refused(ErrorCode::kUnavailable, "process " + std::to_string(::getpid()));
  }
  EXPECT_TRUE(CacheDirectory::open(path_)) << "the lock goes with its holder";
}

TEST_F(CacheDirectoryTest, RefusesADirectoryOfAnotherUser) {
  // Only root can give a directory away; to anybody else root's is another's.
  if (::geteuid() != 0) return refused("/usr", ErrorCode::kDenied, "0");
  stdfs::create_directories(path_);
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  refused(ErrorCode::kDenied, "12345");
}

TEST_F(CacheDirectoryTest, RefusesADirectoryThatCannotBeWritten) {
  stdfs::create_directories(path_);
  const pid_t child = ::fork();
  if (child == 0) {
    // As an ordinary user, since nothing is denied to root.
    const bool ordinary =
        ::geteuid() != 0 || (::chmod(temporary_.path().c_str(), 0755) == 0 &&
                             ::chown(path_.c_str(), 12345, 12345) == 0 && ::seteuid(12345) == 0);
    const bool closed = ordinary && ::chmod(path_.c_str(), 0500) == 0;
    // It may become 0700 again since it is ours; a parent that is not cannot be helped.
    const auto inside = CacheDirectory::open(path_);
    const auto outside = CacheDirectory::open("/proc/augurfs/cache");
    const bool good = closed && inside && !outside;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace augurfs
