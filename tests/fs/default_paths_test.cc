#include "fs/default_paths.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

StoreUrl url_of(std::string_view text) { return parse_store_url(text).value(); }

TEST(DefaultPaths, AMountNameIsReadableAndSafe) {
  const std::string name = mount_name(url_of("s3://bucket/raw data/\xc3\xbc/2024"), {});
  EXPECT_TRUE(name.starts_with("bucket-raw-data-2024-")) << name;
  EXPECT_EQ(name.find('/'), std::string::npos);
  EXPECT_LT(mount_name(url_of("s3://bucket/" + std::string(900, 'x')), {}).size(), 80U);
  EXPECT_TRUE(mount_name(url_of("file:///"), {}).starts_with("root-"));
  EXPECT_TRUE(mount_name(url_of("file:///..hidden"), {}).starts_with("hidden-"));
}

TEST(DefaultPaths, EveryStoreAndPrefixHasANameOfItsOwn) {
  Options elsewhere;
  elsewhere.remote.endpoint = "http://localhost:7480";
  EXPECT_NE(mount_name(url_of("s3://bucket/a"), {}), mount_name(url_of("s3://bucket/b"), {}));
  EXPECT_NE(mount_name(url_of("s3://bucket/a"), {}),
            mount_name(url_of("s3://bucket/a"), elsewhere));
  EXPECT_NE(mount_name(url_of("s3://bucket/a b"), {}), mount_name(url_of("s3://bucket/a-b"), {}));
}

TEST(DefaultPaths, AMountNameIsTheSameNextTime) {
  // The literal is deliberate: a name that changes makes every existing cache cold.
  EXPECT_EQ(mount_name(url_of("s3://bucket/a"), {}), "bucket-a-566665dda8e6b0bd");
  EXPECT_EQ(mount_name(url_of("file:///srv"), {}), mount_name(url_of("file:///srv?mbit=3"), {}));
  EXPECT_EQ(mount_name(url_of("s3://bucket/a"), {}), mount_name(url_of("s3://bucket/a/"), {}));
}

TEST(DefaultPaths, RootUsesTheSystemsDirectories) {
  const Environment environment = {{"HOME", "/root"}, {"XDG_CACHE_HOME", "/x"}};
  const auto url = url_of("s3://bucket");
  const std::string name = mount_name(url, {});
  EXPECT_EQ(*default_cache_directory(url, {}, environment, true), "/var/cache/augurfs/" + name);
  const std::string log = default_log_file("/mnt/data", environment, true)->string();
  EXPECT_TRUE(log.starts_with("/var/log/augurfs/mnt-data-")) << log;
  EXPECT_TRUE(log.ends_with(".log")) << log;
}

TEST(DefaultPaths, AUserUsesTheXdgDirectories) {
  const auto url = url_of("s3://bucket");
  const std::string name = mount_name(url, {});
  const Environment home = {{"HOME", "/home/u"}};
  EXPECT_EQ(*default_cache_directory(url, {}, home, false), "/home/u/.cache/augurfs/" + name);
  EXPECT_TRUE(default_log_file("/mnt/data", home, false)
                  ->string()
                  .starts_with("/home/u/.local/state/augurfs/mnt-data-"));
  const Environment xdg = {{"HOME", "/home/u"}, {"XDG_CACHE_HOME", "/c"}, {"XDG_STATE_HOME", "/s"}};
  EXPECT_EQ(*default_cache_directory(url, {}, xdg, false), "/c/augurfs/" + name);
  EXPECT_TRUE(default_log_file("/mnt/data", xdg, false)->string().starts_with("/s/augurfs/mnt-"));
}

TEST(DefaultPaths, ARelativeXdgDirectoryIsIgnored) {
  const Environment environment = {{"HOME", "/home/u"}, {"XDG_CACHE_HOME", "cache"}};
  const auto directory = default_cache_directory(url_of("s3://bucket"), {}, environment, false);
  EXPECT_TRUE(directory->string().starts_with("/home/u/.cache/"));
}

TEST(DefaultPaths, WithoutAHomeTheErrorNamesTheOptionToSet) {
  const auto url = url_of("s3://bucket");
  EXPECT_NE(default_cache_directory(url, {}, {}, false).error().message.find("cache.dir"),
            std::string::npos);
  EXPECT_NE(default_log_file("/mnt/data", {}, false).error().message.find("log.file"),
            std::string::npos);
}

TEST(DefaultPaths, EachMountPointHasALogOfItsOwn) {
  const Environment home = {{"HOME", "/home/u"}};
  EXPECT_NE(*default_log_file("/mnt/a", home, false), *default_log_file("/mnt/b", home, false));
  EXPECT_NE(*default_log_file("/mnt/a b", home, false), *default_log_file("/mnt/a-b", home, false));
  EXPECT_EQ(*default_log_file("/mnt/a", home, false), *default_log_file("/mnt/a", home, false));
}

TEST(DefaultPaths, TheUsersConfigFileComesBeforeTheSystems) {
  EXPECT_EQ(default_config_files({{"HOME", "/home/u"}}),
            (std::vector<std::filesystem::path>{"/home/u/.config/augurfs/augurfs.toml",
                                                "/etc/augurfs/augurfs.toml"}));
  EXPECT_EQ(default_config_files({{"HOME", "/home/u"}, {"XDG_CONFIG_HOME", "/x"}}).front(),
            "/x/augurfs/augurfs.toml");
  EXPECT_EQ(default_config_files({}).size(), 1U);
}

}  // namespace
}  // namespace augurfs
