#include "fs/inode_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace augurfs {
namespace {

const std::chrono::sys_seconds kDirectoryTime{std::chrono::seconds{1'600'000'000}};

ObjectInfo object(const std::string& etag, std::uint64_t size = 10) {
  return {{"unused", etag, size}, std::chrono::sys_seconds{std::chrono::seconds{1'700'000'000}}};
}

class InodeTableTest : public ::testing::Test {
 protected:
  InodeNumber file(InodeNumber parent, std::string_view name, const std::string& etag = "1") {
    const ObjectInfo info = object(etag);
    return table_.look_up(parent, name, &info, table_.now())->inode;
  }
  InodeNumber directory(InodeNumber parent, std::string_view name) {
    return table_.look_up(parent, name, nullptr, table_.now())->inode;
  }

  InodeTable table_{"root/", kDirectoryTime};
};

TEST_F(InodeTableTest, HoldsTheRootFromTheStartAndForEver) {
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(table_.directory(kRootInode)->prefix, "root/");
  EXPECT_EQ(table_.directory(kRootInode)->parent, kRootInode);
  table_.forget(kRootInode, 100);
  EXPECT_EQ(table_.attributes(kRootInode)->kind, FileKind::kDirectory);
}

TEST_F(InodeTableTest, ANameKeepsItsInodeWhileItLives) {
  const InodeNumber first = file(kRootInode, "a");
  EXPECT_EQ(file(kRootInode, "a"), first);
  EXPECT_NE(file(kRootInode, "b"), first);
  table_.forget(first, 1);
  EXPECT_EQ(file(kRootInode, "a"), first);
}

TEST_F(InodeTableTest, AnInodeForgottenAsOftenAsLookedUpIsFreed) {
  const InodeNumber inode = file(kRootInode, "a");
  file(kRootInode, "a");
  table_.forget(inode, 2);
  EXPECT_FALSE(table_.attributes(inode));
  EXPECT_FALSE(table_.known(kRootInode, "a"));
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_NE(file(kRootInode, "a"), inode) << "numbers are not used again";
}

TEST_F(InodeTableTest, ForgettingMoreThanWasLookedUpDoesNoHarm) {
  const InodeNumber inode = file(kRootInode, "a");
  table_.forget(inode, 99);
  table_.forget(inode, 99);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(InodeTableTest, AHeldInodeOutlivesItsLookups) {
  const InodeNumber inode = file(kRootInode, "a");
  table_.hold(inode);
  table_.forget(inode, 1);
  EXPECT_TRUE(table_.attributes(inode));
  table_.unhold(inode);
  EXPECT_FALSE(table_.attributes(inode));
}

TEST_F(InodeTableTest, ParentsOutliveTheirChildren) {
  const InodeNumber a = directory(kRootInode, "a");
  const InodeNumber b = directory(a, "b");
  const InodeNumber c = file(b, "c");
  table_.forget(a, 1);
  table_.forget(b, 1);
  EXPECT_EQ(table_.file(c)->version.key, "root/a/b/c");
  EXPECT_EQ(table_.directory(b)->parent, a);
  table_.forget(c, 1);
  EXPECT_EQ(table_.size(), 1U) << "the whole branch goes with its last leaf";
}

TEST_F(InodeTableTest, AReplacedObjectGetsAFreshInodeAndTheOldOneStaysWhatItWas) {
  const InodeNumber old = file(kRootInode, "a", "1");
  const InodeNumber fresh = file(kRootInode, "a", "2");
  EXPECT_NE(old, fresh);
  EXPECT_EQ(table_.file(old)->version.etag, "1");
  EXPECT_EQ(table_.file(fresh)->version.etag, "2");
  EXPECT_EQ(table_.known(kRootInode, "a"), fresh);
  table_.forget(old, 1);
  EXPECT_EQ(table_.known(kRootInode, "a"), fresh) << "the old one took the name with it";
  EXPECT_EQ(table_.size(), 2U);
}

TEST_F(InodeTableTest, AnObjectThatBecomesADirectoryGetsAFreshInodeAndTheOtherWayRound) {
  const InodeNumber as_file = file(kRootInode, "a");
  const InodeNumber as_directory = directory(kRootInode, "a");
  EXPECT_NE(as_file, as_directory);
  EXPECT_FALSE(table_.directory(as_file));
  EXPECT_FALSE(table_.file(as_directory));
  EXPECT_NE(file(kRootInode, "a"), as_directory);
}

TEST_F(InodeTableTest, OldKnowledgeDoesNotReplaceANewerInode) {
  const InodeNumber listed_at = table_.now();
  const InodeNumber newer = file(kRootInode, "a", "2");
  const ObjectInfo old = object("1");
  EXPECT_EQ(table_.look_up(kRootInode, "a", &old, listed_at)->inode, newer);
  EXPECT_NE(table_.look_up(kRootInode, "a", &old, table_.now())->inode, newer);
}

TEST_F(InodeTableTest, NothingLivesBelowAFileOrAForgottenDirectory) {
  const InodeNumber inode = file(kRootInode, "a");
  EXPECT_FALSE(table_.look_up(inode, "b", nullptr, table_.now()));
  const InodeNumber gone = directory(kRootInode, "d");
  table_.forget(gone, 1);
  EXPECT_FALSE(table_.look_up(gone, "b", nullptr, table_.now()));
}

TEST_F(InodeTableTest, DirectoriesShowTheTimeTheyWereGiven) {
  EXPECT_EQ(table_.attributes(directory(kRootInode, "d"))->modified, kDirectoryTime);
  EXPECT_EQ(table_.attributes(kRootInode)->modified, kDirectoryTime);
}

TEST_F(InodeTableTest, ATreeAHundredLevelsDeepKnowsItsKeys) {
  InodeNumber at = kRootInode;
  std::string key = "root/";
  for (int i = 0; i < 100; ++i) {
    at = directory(at, "level");
    key += "level/";
  }
  EXPECT_EQ(table_.directory(at)->prefix, key);
}

TEST_F(InodeTableTest, LookupsAndForgetsFromManyThreadsBalance) {
  const InodeNumber shared = directory(kRootInode, "shared");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([this, shared, t] {
        for (int i = 0; i < 2000; ++i) {
          const InodeNumber inode =
              file(shared, std::to_string(i % 7), std::to_string((i + t) % 3));
          table_.attributes(inode);
          table_.forget(inode, 1);
        }
      });
    }
  }
  EXPECT_EQ(table_.size(), 2U);
  table_.forget(shared, 1);
  EXPECT_EQ(table_.size(), 1U);
}

}  // namespace
}  // namespace augurfs
