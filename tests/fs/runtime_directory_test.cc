#include "fs/runtime_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kUser = 1000;

TEST(RuntimeDirectory, RootsDoesNotDependOnHowRootLoggedIn) {
  EXPECT_EQ(runtime_directory({{"XDG_RUNTIME_DIR", "/run/user/0"}}, 0), "/run/augurfs");
}

TEST(RuntimeDirectory, AUsersIsBelowTheOneOfTheSession) {
  EXPECT_EQ(runtime_directory({{"XDG_RUNTIME_DIR", "/run/user/1000"}}, kUser),
            "/run/user/1000/augurfs");
}

TEST(RuntimeDirectory, AUserWithoutASessionHasOneInTmp) {
  EXPECT_EQ(runtime_directory({}, kUser), "/tmp/augurfs-1000");
  EXPECT_EQ(runtime_directory({{"XDG_RUNTIME_DIR", "relative"}}, kUser), "/tmp/augurfs-1000");
}

TEST(RuntimeDirectory, IsMadeForItsOwnerAlone) {
  const TemporaryDirectory home;
  const fs::path directory = home.path() / "augurfs";
  ASSERT_TRUE(make_runtime_directory(directory));
  EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(make_runtime_directory(directory)) << "a second time";
}

TEST(RuntimeDirectory, OneThatOthersMayWriteToIsRefused) {
  const TemporaryDirectory home;
  const fs::path directory = home.path() / "augurfs";
  fs::create_directory(directory);
  fs::permissions(directory, fs::perms::all);
  const auto made = make_runtime_directory(directory);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kDenied);
}

TEST(RuntimeDirectory, ALinkIsRefused) {
  const TemporaryDirectory home;
  fs::create_directory(home.path() / "elsewhere");
  fs::create_symlink("elsewhere", home.path() / "augurfs");
  EXPECT_FALSE(make_runtime_directory(home.path() / "augurfs"));
}

TEST(RuntimeDirectory, AFileIsRefused) {
  const TemporaryDirectory home;
  home.write("augurfs", "");
  EXPECT_FALSE(make_runtime_directory(home.path() / "augurfs"));
}

TEST(RuntimeDirectory, EachMountPointHasASocketOfItsOwn) {
  EXPECT_EQ(socket_path("/run", "/mnt/a"), socket_path("/run", "/mnt/a"));
  EXPECT_NE(socket_path("/run", "/mnt/a"), socket_path("/run", "/mnt/b"));
  const std::string deep(4000, 'd');
  EXPECT_LT(socket_path("/run/augurfs", "/" + deep).string().size(), 40U)
      << "a socket's path has room for 107 bytes";
}

TEST(RuntimeDirectory, SocketsAreFoundAmongOtherFiles) {
  const TemporaryDirectory home;
  home.write("b.sock", "");
  home.write("a.sock", "");
  home.write("c.txt", "");
  const std::vector<fs::path> expected{home.path() / "a.sock", home.path() / "b.sock"};
  EXPECT_EQ(socket_paths(home.path()), expected);
  EXPECT_TRUE(socket_paths(home.path() / "missing").empty());
}

}  // namespace
}  // namespace augurfs
