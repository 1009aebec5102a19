#include "fs/key_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace augurfs {
namespace {

using namespace std::string_literals;

ObjectInfo object(const std::string& key, std::uint64_t size = 1) {
  return {{key, "etag", size}, std::chrono::sys_seconds{}};
}

Listing listing(const std::vector<std::string>& objects, std::vector<std::string> prefixes) {
  Listing result;
  for (const std::string& key : objects) result.objects.push_back(object(key));
  result.prefixes = std::move(prefixes);
  return result;
}

// The names of the entries, directories with a "/" at the end.
std::vector<std::string> names(const DirectoryEntries& entries) {
  std::vector<std::string> result;
  for (const DirectoryEntry& entry : entries.entries) {
    result.push_back(std::string(entry.name) + (entry.object == nullptr ? "/" : ""));
  }
  return result;
}

using Names = std::vector<std::string>;

TEST(KeyRules, ObjectsAreFilesAndPrefixesAreDirectories) {
  const Listing found = listing({"p/a", "p/b.txt"}, {"p/c/", "p/d/"});
  const DirectoryEntries entries = directory_entries("p/", found);
  EXPECT_EQ(names(entries), (Names{"c/", "d/", "a", "b.txt"}));
  EXPECT_EQ(entries.entries[2].object, &found.objects[0]);
  EXPECT_EQ(entries.unreachable, 0U);
}

TEST(KeyRules, OddBytesInNamesAreFine) {
  const std::string odd = "back\\slash new\nline \xff\xfe \x01 * ? \" '";
  const Listing found = listing({odd}, {odd + "dir/"});
  EXPECT_EQ(names(directory_entries("", found)), (Names{odd + "dir/", odd}));
}

TEST(KeyRules, WhatTheStoreLeftOutIsUnreachable) {
  Listing listing;
  listing.left_out = 2;
  listing.left_out_example = "link";
  const DirectoryEntries entries = directory_entries("", listing);
  EXPECT_EQ(entries.unreachable, 2U);
  EXPECT_EQ(entries.unreachable_example, "link");
}

TEST(KeyRules, ADirectoryWinsOverAnObjectOfTheSameName) {
  const Listing found = listing({"a", "a-b"}, {"a/"});
  const DirectoryEntries entries = directory_entries("", found);
  EXPECT_EQ(names(entries), (Names{"a/", "a-b"}));
  EXPECT_EQ(entries.unreachable, 1U);
  EXPECT_EQ(entries.unreachable_example, "a");
  Child both;
  both.object = object("a");
  both.is_prefix = true;
  EXPECT_EQ(child_kind("", "a", both), ChildKind::kDirectory);
}

TEST(KeyRules, TheMarkerOfADirectoryIsHidden) {
  Listing found = listing({"d/x"}, {});
  found.objects.insert(found.objects.begin(), object("d/", 0));
  const DirectoryEntries entries = directory_entries("d/", found);
  EXPECT_EQ(names(entries), (Names{"x"}));
  EXPECT_EQ(entries.unreachable, 0U);
}

TEST(KeyRules, BytesInAMarkerAreUnreachable) {
  Listing found;
  found.objects.push_back(object("d/", 5));
  const DirectoryEntries entries = directory_entries("d/", found);
  EXPECT_TRUE(entries.entries.empty());
  EXPECT_EQ(entries.unreachable, 1U);
}

TEST(KeyRules, NamesThatNoPathCanHaveAreUnreachable) {
  const Names bad{"", ".", "..", "nul\0here"s, std::string(256, 'n')};
  for (const std::string& name : bad) {
    EXPECT_FALSE(is_file_name(name));
    const Listing directories = listing({}, {"p/" + name + "/"});
    EXPECT_EQ(directory_entries("p/", directories).unreachable, 1U) << name;
    EXPECT_TRUE(directory_entries("p/", directories).entries.empty()) << name;
    Child child;
    child.is_prefix = true;
    EXPECT_EQ(child_kind("p/", name, child), ChildKind::kNone);
    if (name.empty()) continue;
    const Listing files = listing({"p/" + name}, {});
    EXPECT_EQ(directory_entries("p/", files).unreachable, 1U) << name;
    EXPECT_TRUE(directory_entries("p/", files).entries.empty()) << name;
  }
}

TEST(KeyRules, NamesThatLookLikeBadOnesAreFine) {
  for (const std::string& name : Names{"...", ".a", "..a", "a.", " ", std::string(255, 'n')}) {
    EXPECT_TRUE(is_file_name(name));
    const Listing found = listing({name}, {});
    EXPECT_EQ(names(directory_entries("", found)), (Names{name}));
  }
}

TEST(KeyRules, AKeyLongerThanAPathIsUnreachable) {
  std::string prefix;
  while (prefix.size() + 100 <= kKeyBytesMax) prefix += std::string(99, 'd') + "/";
  const std::size_t left = kKeyBytesMax - prefix.size();
  const std::string fits(left, 'f');
  const std::string too_long(left + 1, 'f');
  const Listing found = listing({prefix + fits, prefix + too_long}, {});
  EXPECT_EQ(names(directory_entries(prefix, found)), (Names{fits}));
  EXPECT_EQ(directory_entries(prefix, found).unreachable, 1U);
  Child child;
  child.object = object("whatever");
  EXPECT_EQ(child_kind(prefix, fits, child), ChildKind::kFile);
  EXPECT_EQ(child_kind(prefix, too_long, child), ChildKind::kNone);
}

TEST(KeyRules, ANameThatIsNothingIsNothing) {
  EXPECT_EQ(child_kind("p/", "a", Child{}), ChildKind::kNone);
}

}  // namespace
}  // namespace augurfs
