#include "predictor/catalog.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace augurfs {
namespace {

Version version_of(const std::string& key, std::uint64_t size = 1) { return {key, "etag", size}; }

std::vector<ObjectInfo> infos(const std::vector<std::string>& keys) {
  std::vector<ObjectInfo> found;
  for (const auto& key : keys) found.push_back({version_of(key), {}});
  return found;
}

std::vector<ObjectId> ids(const std::vector<std::string>& keys) {
  std::vector<ObjectId> found;
  for (const auto& key : keys) found.push_back(object_id(key));
  return found;
}

std::vector<ObjectId> children(const Catalog& catalog, const std::string& prefix) {
  const auto found = catalog.children(object_id(prefix));
  return {found.begin(), found.end()};
}

TEST(ObjectId, IsTheHashOfTheKeyAndTheSameEverywhere) {
  // XXH3_64bits of no bytes, from xxHash's own test vectors.
  EXPECT_EQ(object_id(""), ObjectId{0x2d06800538d394c2});
  EXPECT_NE(object_id("a"), object_id("a/"));
  EXPECT_EQ(directory_id("a/b"), object_id("a/"));
  EXPECT_EQ(directory_id("a/b/"), object_id("a/"));
  EXPECT_EQ(directory_id("a"), object_id(""));
  EXPECT_EQ(directory_id("a/"), object_id(""));
}

TEST(Catalog, KnowsTheLastVersionOfWhatWasSeen) {
  Catalog catalog;
  EXPECT_EQ(catalog.version(object_id("d/a")), nullptr);
  catalog.see(version_of("d/a", 1));
  catalog.see(version_of("d/a", 2));
  ASSERT_NE(catalog.version(object_id("d/a")), nullptr);
  EXPECT_EQ(*catalog.version(object_id("d/a")), version_of("d/a", 2));
  EXPECT_EQ(catalog.directory(object_id("d/a")), object_id("d/"));
  EXPECT_EQ(children(catalog, "d/"), ids({"d/a"}));
}

TEST(Catalog, KeepsChildrenInTheOrderTheyWereSeenUntilTheyAreListed) {
  Catalog catalog;
  catalog.see(version_of("d/c"));
  catalog.see(version_of("d/a"));
  catalog.see(version_of("d/c"));
  EXPECT_EQ(children(catalog, "d/"), ids({"d/c", "d/a"}));
  catalog.list("d/", infos({"d/a", "d/b", "d/c"}));
  EXPECT_EQ(children(catalog, "d/"), ids({"d/a", "d/b", "d/c"}));
  EXPECT_EQ(catalog.position(object_id("d/b")), 1U);
  EXPECT_NE(catalog.version(object_id("d/b")), nullptr) << "a listing tells of versions";
  catalog.see(version_of("d/new"));
  EXPECT_EQ(catalog.position(object_id("d/new")), 3U);
}

TEST(Catalog, AListingTellsOfSubdirectories) {
  Catalog catalog;
  catalog.see(version_of("d/y/1"));
  EXPECT_FALSE(catalog.is_listed(object_id("d/y/")));
  const std::vector<std::string> subdirectories = {"d/x/", "d/y/"};
  catalog.list("d/", infos({"d/a"}), subdirectories);
  EXPECT_TRUE(catalog.is_listed(object_id("d/")));
  EXPECT_FALSE(catalog.is_listed(object_id("d/x/")));
  ASSERT_EQ(catalog.subdirectories(object_id("d/")).size(), 2U);
  EXPECT_EQ(catalog.subdirectories(object_id("d/"))[0], object_id("d/x/"));
  EXPECT_EQ(catalog.subdirectory_position(object_id("d/y/")), 1U);
  EXPECT_EQ(*catalog.prefix(object_id("d/x/")), "d/x/");
  EXPECT_EQ(children(catalog, "d/y/"), ids({"d/y/1"})) << "what was seen of it stays";
  catalog.list("d/", infos({"d/a"}));
  EXPECT_TRUE(catalog.subdirectories(object_id("d/")).empty());
}

TEST(Catalog, OfTooManySubdirectoriesTheFirstAreKept) {
  Catalog catalog(4);
  std::vector<std::string> subdirectories;
  for (int i = 0; i < 1000; ++i) subdirectories.push_back(std::to_string(1000 + i) + "/");
  catalog.list("", infos({"a"}), subdirectories);
  EXPECT_EQ(catalog.subdirectories(object_id("")).size(), 3U);
  EXPECT_EQ(children(catalog, ""), ids({"a"}));
  for (int i = 0; i < 1000; ++i) catalog.list(std::to_string(1000 + i) + "/", infos({"a"}));
  EXPECT_EQ(catalog.prefix(object_id("1000/")), nullptr);
}

TEST(Catalog, AnObjectThatIsListedNoMoreHasNoPosition) {
  Catalog catalog;
  catalog.list("d/", infos({"d/a", "d/b"}));
  catalog.list("d/", infos({"d/b"}));
  EXPECT_EQ(catalog.position(object_id("d/a")), 1U);
  EXPECT_EQ(catalog.position(object_id("d/b")), 0U);
}

TEST(Catalog, ForgetsTheLeastRecentlyUsedObject) {
  Catalog catalog(2);
  catalog.see(version_of("a"));
  catalog.see(version_of("b"));
  catalog.use(object_id("a"));
  catalog.see(version_of("c"));
  EXPECT_NE(catalog.version(object_id("a")), nullptr);
  EXPECT_EQ(catalog.version(object_id("b")), nullptr);
}

TEST(Catalog, StaysBoundedWhateverItIsTold) {
  Catalog catalog(100);
  for (int i = 0; i < 10'000; ++i) {
    catalog.see(version_of("flat/" + std::to_string(i)));
    catalog.see(version_of("deep/" + std::to_string(i) + "/x"));
    EXPECT_LE(catalog.size(), 100U);
    EXPECT_LE(catalog.children(object_id("flat/")).size(), 101U);
  }
  EXPECT_EQ(catalog.version(object_id("deep/1/x")), nullptr);
  EXPECT_TRUE(children(catalog, "deep/1/").empty());
  const ObjectId last = object_id("flat/9999");
  EXPECT_EQ(catalog.children(object_id("flat/"))[catalog.position(last)], last);
}

TEST(Catalog, KeepsTheFirstOfAListingThatIsTooLong) {
  Catalog catalog(3);
  catalog.list("", infos({"a", "b", "c", "d", "e"}));
  EXPECT_EQ(children(catalog, ""), ids({"a", "b", "c"}));
  EXPECT_NE(catalog.version(object_id("a")), nullptr);
  EXPECT_EQ(catalog.version(object_id("e")), nullptr);
}

}  // namespace
}  // namespace augurfs
