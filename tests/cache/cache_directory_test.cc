#include "cache/cache_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

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
  refused(ErrorCode::kInvalid,
          "cache directory " + path_.string() +
              " holds files that are not a cache, such as 'thesis.tex'; choose an empty or a new "
              "directory as cache.dir");
  EXPECT_EQ(mode(path_), 0755U);
  EXPECT_FALSE(stdfs::exists(path_ / "LOCK"));
}

TEST_F(CacheDirectoryTest, RefusesAFile) {
  stdfs::create_directories(path_.parent_path());
  std::ofstream(path_.string()) << "x";
  refused(ErrorCode::kInvalid, "is not a directory; choose another cache.dir");
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

// As an ordinary user, since nothing is denied to root: what `body` returns is the exit code.
int as_ordinary_user(const stdfs::path& readable, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool ordinary =
        ::geteuid() != 0 || (::chmod(readable.c_str(), 0755) == 0 && ::seteuid(12345) == 0);
    ::_exit(ordinary ? body() : -1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(CacheDirectoryTest, RefusesADirectoryOfOthersWhoLockWithTheSameFile) {
  stdfs::create_directories(path_ / "objects");
  std::ofstream(path_ / "LOCK") << "leveldb";
  std::ofstream(path_ / "MANIFEST-000001") << "precious";
  refused(ErrorCode::kInvalid, "MANIFEST-000001");
  stdfs::remove(path_ / "MANIFEST-000001");
  std::ofstream(path_ / "history.db.aside") << "ours";
  EXPECT_TRUE(CacheDirectory::open(path_));
}

TEST_F(CacheDirectoryTest, RefusesADirectoryWhoseParentCannotBeWritten) {
  const auto parent = temporary_.path() / "closed";
  stdfs::create_directories(parent);
  ::chmod(parent.c_str(), 0555);
  const auto code = as_ordinary_user(temporary_.path(), [&] {
    const auto directory = CacheDirectory::open(parent / "cache");
    return directory ? -1 : static_cast<int>(directory.error().code);
  });
  EXPECT_EQ(code, static_cast<int>(ErrorCode::kDenied));
  EXPECT_FALSE(stdfs::exists(parent / "cache"));
}

TEST_F(CacheDirectoryTest, OpensADirectoryOfOurOwnThatWasClosed) {
  stdfs::create_directories(path_);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  }
  ::chmod(path_.c_str(), 0500);
  const int opened =
      as_ordinary_user(temporary_.path(), [&] { return CacheDirectory::open(path_) ? 1 : 0; });
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(mode(path_), 0700U);
}

}  // namespace
}  // namespace augurfs
