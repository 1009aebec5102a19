#include "fs/mount_point.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

TEST(MountPoint, ADirectoryIsResolvedThroughItsLinks) {
  const TemporaryDirectory home;
  fs::create_directory(home.path() / "real");
  fs::create_symlink("real", home.path() / "link");
  const auto prepared = prepare_mount_point(home.path() / "link");
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(*prepared, fs::canonical(home.path() / "real"));
}

TEST(MountPoint, ALinkThatLeadsNowhereIsToldAsMissing) {
  const TemporaryDirectory home;
  fs::create_symlink("nowhere", home.path() / "link");
  const auto prepared = prepare_mount_point(home.path() / "link");
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::kNotFound);
}

TEST(MountPoint, AMissingDirectoryIsToBeMadeOnlyByWhoMounts) {
  const TemporaryDirectory home;
  const fs::path missing = home.path() / "missing";
  EXPECT_EQ(resolve_mount_point(missing).error().message, missing.string() + " does not exist");
  EXPECT_EQ(prepare_mount_point(missing).error().message,
            missing.string() + " does not exist; create it first: mkdir -p " + missing.string());
}

TEST(MountPoint, ADirectoryWithoutANameIsAnError) {
  EXPECT_EQ(resolve_mount_point("").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(prepare_mount_point("").error().code, ErrorCode::kInvalid);
}

TEST(MountPoint, AMountIsKnownWithDotsAndSlashesInItsName) {
  EXPECT_EQ(resolve_mount_point("/./proc//").value(), "/proc");
  EXPECT_EQ(resolve_mount_point("/proc/../proc/.").value(), "/proc");
  EXPECT_EQ(resolve_mount_point("/").value(), "/");
}

}  // namespace
}  // namespace augurfs
