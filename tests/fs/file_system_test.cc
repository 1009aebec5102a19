#include "fs/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "fs/file_system_fixture.h"
#include "fs/huge_store.h"
#include "predictor/object_id.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

using namespace std::string_literals;

template <typename T>
std::string why(const Result<T>& result) {
  return result ? "ok" : to_string(result.error().code);
}

std::string text(const Result<std::string>& bytes) { return bytes ? *bytes : why(bytes); }

std::vector<std::string> names(const Result<FileSystemFixture::Entries>& entries) {
  std::vector<std::string> result;
  if (!entries) return {"error: " + entries.error().message};
  for (const auto& [name, entry] : *entries) {
    result.push_back(name + (entry.kind == FileKind::kDirectory ? "/" : ""));
  }
  return result;
}

using Names = std::vector<std::string>;
constexpr std::size_t kChunk = FileSystemFixture::kChunkBytes;

TEST(FileSystem, KeysAreATree) {
  FileSystemFixture fixture;
  fixture.store.put("top", "1");
  fixture.store.put("a/b/c", "22");
  fixture.store.put("a/d", "333");
  EXPECT_EQ(names(fixture.list("")), (Names{"a/", "top"}));
  EXPECT_EQ(names(fixture.list("a")), (Names{"b/", "d"}));
  EXPECT_EQ(names(fixture.list("a/b")), (Names{"c"}));
  EXPECT_EQ(text(fixture.content("a/b/c")), "22");
  EXPECT_EQ(fixture.walk("a/d")->size_bytes, 3U);
  EXPECT_EQ(fixture.walk("a/d")->kind, FileKind::kFile);
  EXPECT_EQ(why(fixture.walk("a/nothing")), "not_found");
  EXPECT_EQ(why(fixture.walk("nothing/at/all")), "not_found");
}

TEST(FileSystem, AfterALookupTheFirstReadOfASmallFileIsOneRequestForAllOfIt) {
  FileSystemFixture fixture;
  const std::string content(kChunk / 2, 'x');
  fixture.store.put("a/b", content);
  ASSERT_TRUE(fixture.walk("a/b"));
  const auto lists = fixture.gate.counts(FetchGate::kList).calls;
  const auto handle = fixture.open("a/b");
  ASSERT_TRUE(handle);
  EXPECT_EQ(text(fixture.read(*handle, 0, 1)), "x");
  EXPECT_EQ(text(fixture.read(*handle, 0, kChunk)), content);
  const auto gets = fixture.gate.gets();
  ASSERT_EQ(gets.size(), 1U);
  EXPECT_EQ(gets[0].range.length, content.size());
  EXPECT_EQ(fixture.gate.counts(FetchGate::kList).calls, lists);
  EXPECT_EQ(fixture.gate.counts(FetchGate::kHead).calls, 0U) << "size and ETag are the listing's";
}

TEST(FileSystem, OnlyWhatIsBelowThePrefixIsThere) {
  FileSystemFixture fixture("in/side/");
  fixture.store.put("in/side/a", "1");
  fixture.store.put("in/b", "2");
  fixture.store.put("in/side-c", "3");
  EXPECT_EQ(names(fixture.list("")), (Names{"a"}));
  EXPECT_EQ(text(fixture.content("a")), "1");
}

TEST(FileSystem, APrefixWithoutKeysIsAnEmptyDirectory) {
  FileSystemFixture fixture("nothing/here/");
  EXPECT_EQ(names(fixture.list("")), Names{});
  EXPECT_EQ(fixture.files.attributes(kRootInode)->kind, FileKind::kDirectory);
}

TEST(FileSystem, DotAndDotDotLeadToTheDirectoryAndItsParent) {
  FileSystemFixture fixture;
  fixture.store.put("a/b/c", "1");
  const auto a = fixture.walk("a");
  const auto b = fixture.walk("a/b");
  const auto inodes_of = [&](InodeNumber inode) {
    const auto handle = fixture.files.open_directory(inode, {});
    std::vector<std::pair<std::string, InodeNumber>> dots;
    const auto done = fixture.files.read_directory(
        *handle, 0, true,
        [&](std::string_view name, const Attributes& attributes, std::uint64_t) {
          if (name.starts_with('.')) dots.emplace_back(name, attributes.inode);
          return true;
        },
        {});
    EXPECT_TRUE(done);
    fixture.files.release_directory(*handle);
    return dots;
  };
  using Dots = std::vector<std::pair<std::string, InodeNumber>>;
  EXPECT_EQ(inodes_of(b->inode), (Dots{{".", b->inode}, {"..", a->inode}}));
  EXPECT_EQ(inodes_of(kRootInode), (Dots{{".", kRootInode}, {"..", kRootInode}}));
}

TEST(FileSystem, UnreachableKeysAreCountedOnceHoweverOftenTheyAreListed) {
  FileSystemFixture fixture;
  for (const auto& key :
       {"a"s, "a/b"s, "/x"s, "a//x"s, "a/./x"s, ".."s, "n\0"s, std::string(256, 'n'), "d/"s}) {
    fixture.store.put(key, "");
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(names(fixture.list("")), (Names{"a/", "d/"}));
    EXPECT_EQ(names(fixture.list("a")), (Names{"b"}));
    EXPECT_EQ(names(fixture.list("d")), Names{});
    EXPECT_EQ(fixture.files.stats().unreachable_keys, 5U + 2U);
    fixture.expire();
  }
  EXPECT_EQ(why(fixture.walk(std::string(256, 'n'))), "not_found");
}

TEST(FileSystem, ADirectoryIsDeliveredInAsManyCallsAsTheCallerLikes) {
  FileSystemFixture fixture;
  for (int i = 0; i < 30; ++i) fixture.store.put("f" + std::to_string(i), "");
  for (int i = 0; i < 30; ++i) fixture.store.put("d" + std::to_string(i) + "/x", "");
  for (const std::size_t entries_max : {1U, 2U, 7U, 1000U}) {
    const auto found = fixture.list("", true, entries_max);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 60U);
  }
}

TEST(FileSystem, EntriesTurnedAwayAreNotCounted) {
  FileSystemFixture fixture;
  fixture.store.put("a", "");
  fixture.store.put("b", "");
  const auto handle = fixture.files.open_directory(kRootInode, {});
  const auto done = fixture.files.read_directory(
      *handle, 0, true, [](std::string_view name, auto&, auto) { return name != "b"; }, {});
  EXPECT_TRUE(done);
  fixture.files.release_directory(*handle);
  EXPECT_EQ(fixture.files.stats().inodes, 2U) << "the root and a";
}

TEST(FileSystem, ReadingNamesMakesNoInodesButShowsThoseThatAre) {
  FileSystemFixture fixture;
  fixture.store.put("a", "");
  fixture.store.put("b", "");
  const InodeNumber a = fixture.walk("a")->inode;
  const auto found = fixture.list("", false);
  EXPECT_EQ(found->at("a").inode, a);
  EXPECT_EQ(found->at("b").inode, kUnknownInode);
  EXPECT_EQ(fixture.files.stats().inodes, 2U);
}

TEST(FileSystem, AnOpenDirectoryGoesOnListingWhatWasThere) {
  FileSystemFixture fixture;
  fixture.store.put("a", "");
  const auto handle = fixture.files.open_directory(kRootInode, {});
  fixture.store.put("b", "");
  fixture.store.remove("a");
  fixture.expire();
  EXPECT_EQ(names(fixture.entries(*handle)), (Names{"a"}));
  EXPECT_EQ(names(fixture.list("")), (Names{"b"}));
  EXPECT_EQ(names(fixture.entries(*handle)), (Names{"a"}));
  fixture.files.release_directory(*handle);
}

TEST(FileSystem, AnOpenDirectoryDoesNotBringBackAnOldVersion) {
  FileSystemFixture fixture;
  fixture.store.put("a", "old");
  const auto handle = fixture.files.open_directory(kRootInode, {});
  fixture.store.put("a", "new!");
  fixture.expire();
  const InodeNumber newer = fixture.walk("a")->inode;
  const auto found = fixture.entries(*handle);
  EXPECT_EQ(found->at("a").inode, newer);
  EXPECT_EQ(found->at("a").size_bytes, 4U);
  fixture.files.release_directory(*handle);
}

TEST(FileSystem, ForgottenInodesAreFreedUnlessOpen) {
  FileSystemFixture fixture;
  fixture.store.put("a", "bytes");
  const InodeNumber inode = fixture.walk("a")->inode;
  const auto handle = fixture.files.open(inode, {});
  EXPECT_EQ(fixture.files.stats().open_files, 1U);
  fixture.files.forget(inode, 1);
  EXPECT_EQ(fixture.files.attributes(inode)->size_bytes, 5U);
  EXPECT_EQ(text(fixture.read(*handle, 0, 10)), "bytes");
  fixture.files.release(*handle);
  EXPECT_EQ(fixture.files.stats().inodes, 1U);
  EXPECT_EQ(fixture.files.stats().open_files, 0U);
  EXPECT_EQ(why(fixture.files.attributes(inode)), "stale");
}

TEST(FileSystem, ReadsAreClampedToTheVersion) {
  FileSystemFixture fixture;
  fixture.store.put("a", "0123456789");
  fixture.store.put("empty", "");
  const auto handle = fixture.open("a");
  EXPECT_EQ(text(fixture.read(*handle, 4, 3)), "456");
  EXPECT_EQ(text(fixture.read(*handle, 8, 100)), "89");
  EXPECT_EQ(text(fixture.read(*handle, 10, 1)), "");
  EXPECT_EQ(text(fixture.read(*handle, ~0ULL, 1)), "");
  EXPECT_EQ(text(fixture.read(*handle, 0, 0)), "");
  fixture.files.release(*handle);
  EXPECT_EQ(text(fixture.content("empty")), "");
}

TEST(FileSystem, ANumberThatIsNoHandleIsInvalid) {
  FileSystemFixture fixture;
  fixture.store.put("a", "1");
  const auto file = fixture.open("a");
  const auto directory = fixture.files.open_directory(kRootInode, {});
  EXPECT_EQ(why(fixture.read(HandleNumber{99}, 0, 1)), "invalid");
  EXPECT_EQ(why(fixture.read(*directory, 0, 1)), "invalid");
  EXPECT_EQ(why(fixture.entries(*file)), "invalid");
  fixture.files.release(*directory);
  fixture.files.release_directory(*file);
  EXPECT_TRUE(fixture.read(*file, 0, 1)) << "released as another kind of handle";
  fixture.files.release(*file);
  fixture.files.release(*file);
  EXPECT_EQ(why(fixture.read(*file, 0, 1)), "invalid");
  fixture.files.release_directory(*directory);
}

TEST(FileSystem, DirectoriesAreNotOpenedAsFilesNorTheOtherWayRound) {
  FileSystemFixture fixture;
  fixture.store.put("d/a", "1");
  EXPECT_EQ(why(fixture.files.open(fixture.walk("d")->inode, {})), "stale");
  EXPECT_EQ(why(fixture.files.open_directory(fixture.walk("d/a")->inode, {})), "stale");
  EXPECT_EQ(why(fixture.files.lookup(fixture.walk("d/a")->inode, "x", {})), "stale");
}

TEST(FileSystem, WhatIsBelievedIsNotAskedForAgain) {
  FileSystemFixture fixture;
  fixture.store.put("a", "old");
  ASSERT_EQ(text(fixture.content("a")), "old");
  const auto requests = fixture.store.stats().requests;
  EXPECT_EQ(text(fixture.content("a")), "old");
  EXPECT_EQ(fixture.store.stats().requests, requests);
}

TEST(FileSystem, AnOpenAfterTheTimeToLiveSeesTheNewVersion) {
  FileSystemFixture fixture;
  fixture.store.put("a", "old");
  ASSERT_EQ(text(fixture.content("a")), "old");
  fixture.store.put("a", "newer");
  fixture.expire();
  EXPECT_EQ(text(fixture.content("a")), "newer");
}

TEST(FileSystem, AReplacedObjectIsAFreshInodeAndTheOldOneIsStale) {
  FileSystemFixture fixture;
  fixture.store.put("a", "old");
  const auto old = fixture.walk("a");
  fixture.store.put("a", "newer");
  fixture.expire();
  EXPECT_EQ(why(fixture.files.open(old->inode, {})), "stale");
  const auto fresh = fixture.walk("a");
  EXPECT_NE(fresh->inode, old->inode);
  EXPECT_EQ(fresh->size_bytes, 5U);
  EXPECT_NE(fresh->modified, old->modified);
  EXPECT_TRUE(fixture.files.open(fresh->inode, {}));
  EXPECT_EQ(fixture.files.attributes(old->inode)->size_bytes, 3U);
}

// Behind the first MiB, which comes in one request.
constexpr std::size_t kBehind = (1 << 20) + kChunk;

TEST(FileSystem, AnObjectReplacedWhileOpenIsStaleWhereItIsNotCached) {
  FileSystemFixture fixture;
  fixture.store.put("a", std::string(kBehind + kChunk, 'o'));
  const auto handle = fixture.open("a");
  ASSERT_EQ(text(fixture.read(*handle, 0, 10)), std::string(10, 'o'));
  fixture.store.put("a", std::string(kBehind + kChunk, 'n'));
  EXPECT_EQ(text(fixture.read(*handle, 100, 10)), std::string(10, 'o')) << "cached";
  EXPECT_EQ(why(fixture.read(*handle, kBehind, 10)), "stale");
  // No wait for the time to live: the failed read has made the metadata look again.
  EXPECT_EQ(text(fixture.content("a")).substr(0, 10), std::string(10, 'n'));
  EXPECT_EQ(text(fixture.read(*handle, 100, 10)), std::string(10, 'o')) << "the old one stays old";
  fixture.files.release(*handle);
}

TEST(FileSystem, AnObjectRemovedWhileOpenIsStaleWhereItIsNotCached) {
  FileSystemFixture fixture;
  fixture.store.put("a", std::string(kBehind + kChunk, 'o'));
  const auto handle = fixture.open("a");
  ASSERT_EQ(text(fixture.read(*handle, 0, 10)), std::string(10, 'o'));
  fixture.store.remove("a");
  EXPECT_EQ(text(fixture.read(*handle, 100, 10)), std::string(10, 'o')) << "cached";
  EXPECT_EQ(why(fixture.read(*handle, kBehind, 10)), "stale");
  EXPECT_EQ(why(fixture.open("a")), "not_found");
  fixture.files.release(*handle);
}

TEST(FileSystem, AnObjectThatIsGoneCannotBeOpened) {
  FileSystemFixture fixture;
  fixture.store.put("a", "1");
  const InodeNumber inode = fixture.walk("a")->inode;
  fixture.store.remove("a");
  fixture.expire();
  EXPECT_EQ(why(fixture.files.open(inode, {})), "not_found");
  EXPECT_EQ(why(fixture.walk("a")), "not_found");
}

TEST(FileSystem, ADirectoryIsGoneWithItsLastKey) {
  FileSystemFixture fixture;
  fixture.store.put("d/a", "1");
  const InodeNumber directory = fixture.walk("d")->inode;
  fixture.store.remove("d/a");
  fixture.expire();
  EXPECT_EQ(why(fixture.files.open_directory(directory, {})), "not_found");
  EXPECT_EQ(why(fixture.walk("d")), "not_found");
  EXPECT_EQ(names(fixture.list("")), Names{});
}

TEST(FileSystem, AnObjectThatBecomesADirectoryIsAFreshInodeAndTheOtherWayRound) {
  FileSystemFixture fixture;
  fixture.store.put("a", "1");
  const InodeNumber as_file = fixture.walk("a")->inode;
  fixture.store.put("a/b", "2");
  fixture.expire();
  EXPECT_EQ(why(fixture.files.open(as_file, {})), "stale");
  const auto as_directory = fixture.walk("a");
  EXPECT_EQ(as_directory->kind, FileKind::kDirectory);
  EXPECT_NE(as_directory->inode, as_file);
  fixture.store.remove("a/b");
  fixture.expire();
  const auto again = fixture.walk("a");
  EXPECT_EQ(again->kind, FileKind::kFile);
  EXPECT_NE(again->inode, as_directory->inode);
  EXPECT_EQ(text(fixture.content("a")), "1");
}

TEST(FileSystem, ADirectoryOfFiftyThousandObjectsListsEachOnce) {
  FileSystemFixture fixture;
  for (int i = 0; i < 50'000; ++i) fixture.store.put("d/" + std::to_string(i), "x");
  const auto found = fixture.list("d");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 50'000U);
  const auto requests = fixture.store.stats().requests;
  EXPECT_TRUE(fixture.walk("d/49999"));
  EXPECT_EQ(fixture.store.stats().requests, requests) << "the listing answers";
}

TEST(FileSystem, ATreeAHundredLevelsDeepIsWalkedToItsEnd) {
  FileSystemFixture fixture;
  std::string key;
  for (int i = 0; i < 100; ++i) key += "d" + std::to_string(i) + "/";
  fixture.store.put(key + "leaf", "deep");
  EXPECT_EQ(text(fixture.content(key + "leaf")), "deep");
  EXPECT_EQ(names(fixture.list(key)), (Names{"leaf"}));
}

TEST(FileSystem, AnObjectOfMoreThanFiveGigabytesIsReadAtAnyOffset) {
  HugeStore huge;
  FileSystemFixture fixture("", &huge);
  EXPECT_EQ(fixture.walk("huge")->size_bytes, HugeStore::kSize);
  const auto handle = fixture.open("huge");
  for (const std::uint64_t offset : {std::uint64_t{0}, (std::uint64_t{4} << 30) - 2,
                                     std::uint64_t{5} << 30, HugeStore::kSize - 4}) {
    const auto bytes = fixture.read(*handle, offset, 4);
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(*bytes, HugeStore::bytes(offset, 4));
  }
  fixture.files.release(*handle);
}

TEST(FileSystem, AStopRequestEndsACallThatWaitsForTheStore) {
  FileSystemFixture fixture;
  fixture.store.put("a", "1");
  const auto handle = fixture.open("a");
  fixture.gate.hold_gets_at(0);
  fixture.gate.hold(FetchGate::kList);
  fixture.gate.hold(FetchGate::kHead);
  fixture.expire();
  std::vector<std::jthread> threads;
  threads.emplace_back([&](std::stop_token stop) {
    EXPECT_EQ(why(fixture.files.lookup(kRootInode, "b", stop)), "cancelled");
  });
  threads.emplace_back([&](std::stop_token stop) {
    EXPECT_EQ(why(fixture.files.open_directory(kRootInode, stop)), "cancelled");
  });
  threads.emplace_back([&](std::stop_token stop) {
    std::string bytes(1, ' ');
    EXPECT_EQ(why(fixture.files.read(*handle, 0, std::as_writable_bytes(std::span(bytes)), stop)),
              "cancelled");
  });
  ASSERT_TRUE(fixture.gate.wait_until_held(FetchGate::kGet));
  ASSERT_TRUE(fixture.gate.wait_until_held(FetchGate::kList));
  for (auto& thread : threads) thread.request_stop();
  threads.clear();
  fixture.gate.open();
}

TEST(FileSystem, TroubleWithTheStoreIsNotAnAbsence) {
  FileSystemFixture fixture;
  fixture.store.put("a", "1");
  fixture.gate.hold(FetchGate::kHead);
  fixture.gate.hold(FetchGate::kList);
  std::jthread reader([&] { EXPECT_EQ(why(fixture.walk("a")), "denied"); });
  const Error denied{ErrorCode::kDenied, "no"};
  ASSERT_TRUE(fixture.gate.wait_until_held(FetchGate::kList));
  fixture.gate.fail_held(FetchGate::kList, denied);
  fixture.gate.fail_held(FetchGate::kHead, denied);
  reader.join();
  fixture.gate.open();
  EXPECT_TRUE(fixture.walk("a")) << "an error was remembered";
}

TEST(FileSystem, TellsThePrefetcherWhatWasReadAndHow) {
  std::vector<Event> events;
  class Listener : public Expert {
   public:
    explicit Listener(std::vector<Event>& events) : events_(events) {}
    void observe(const Event& event, const Catalog& catalog, std::vector<Candidate>&) override {
      events_.push_back(event);
      if (event.operation != Operation::kList) {
        EXPECT_NE(catalog.version(event.object), nullptr) << "an object that was not told of";
      }
    }

   private:
    std::vector<Event>& events_;
  };
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::make_unique<Listener>(events));
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        std::move(experts), {.own_thread = false});
  FileSystemFixture fixture("", nullptr, &prefetcher);
  const Version version = fixture.store.put("a", "0123456789");
  fixture.caller.thread = static_cast<std::uint32_t>(::gettid());
  const auto handle = fixture.open("a");
  ASSERT_TRUE(fixture.read(*handle, 2, 3));
  // The bytes were handed out as they arrived; the chunk may still be on its way to the disk.
  ASSERT_TRUE(eventually([&] { return fixture.cache().reader().cached(version, {8, 2}); }));
  ASSERT_TRUE(fixture.read(*handle, 8, 100));
  fixture.files.release(*handle);
  prefetcher.step();
  std::vector<Operation> operations;
  for (const Event& event : events) operations.push_back(event.operation);
  ASSERT_EQ(operations, (std::vector{Operation::kStat, Operation::kOpen, Operation::kRead,
                                     Operation::kServed, Operation::kRead, Operation::kRelease}));
  EXPECT_EQ(events[2].range.offset, 2U);
  EXPECT_EQ(events[2].range.length, 3U);
  EXPECT_FALSE(events[2].hit);
  EXPECT_GT(events[3].latency.count(), 0);
  EXPECT_EQ(events[4].range.length, 2U) << "what is there, not what was asked for";
  EXPECT_TRUE(events[4].hit);
  for (const Event& event : events) {
    EXPECT_EQ(event.object, object_id(version.key));
    EXPECT_EQ(event.object_bytes, version.size);
    EXPECT_NE(event.stream, 0U);
    EXPECT_EQ(event.stream, events[0].stream);
    EXPECT_EQ(event.program, program_id(std::filesystem::read_symlink("/proc/self/exe").string()));
    EXPECT_FALSE(event.by_kernel_readahead);
  }
  for (std::size_t i = 1; i < events.size(); ++i) {
    EXPECT_EQ(events[i].handle, static_cast<std::uint64_t>(*handle));
  }
}

// Wants whatever lies beside the object of an event, as far as it knows of it.
class Neighbours : public Expert {
 public:
  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override {
    for (const ObjectId child : catalog.children(catalog.directory(event.object))) {
      candidates.push_back({.object = child, .range = {0, 1}});
    }
  }
};

TEST(FileSystem, WhatIsExcludedIsNotFetchedAheadThoughItsDirectoryIsListed) {
  std::vector<std::string> fetched;
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::make_unique<Neighbours>());
  Prefetcher prefetcher(
      [&](const Version& version, ByteRange, const Foreseen&) {
        fetched.push_back(version.key);
        return true;
      },
      std::move(experts), {.own_thread = false});
  FileSystemFixture fixture;
  for (const char* name : {"a", "key.pem", "z"}) fixture.store.put(std::string("d/") + name, "x");
  FileSystem files(FileSystemOptions{.exclusions = Exclusions("", "*.pem")}, fixture.cache(),
                   &prefetcher);
  const auto directory = files.lookup(kRootInode, "d", {}, {});
  const auto listed = files.open_directory(directory.value().inode, {}, {});
  files.release_directory(listed.value());
  const auto file = files.lookup(directory->inode, "a", {}, {});
  files.release(files.open(file.value().inode, {}, {}).value());
  prefetcher.step();
  EXPECT_THAT(fetched, testing::Contains("d/z"));
  EXPECT_THAT(fetched, testing::Not(testing::Contains("d/key.pem")));
}

// What the prefetcher hears when d/x is looked up, opened, read, closed, and d listed.
std::vector<Event> told_of_an_access(const Exclusions& exclusions, Caller caller, Caller reader) {
  class Listener : public Expert {
   public:
    explicit Listener(std::vector<Event>& events) : events_(events) {}
    void observe(const Event& event, const Catalog&, std::vector<Candidate>&) override {
      events_.push_back(event);
    }

   private:
    std::vector<Event>& events_;
  };
  std::vector<Event> events;
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::make_unique<Listener>(events));
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        std::move(experts), {.own_thread = false});
  FileSystemFixture fixture;
  fixture.store.put("p/d/x", "bytes");
  FileSystem files(FileSystemOptions{.prefix = "p/", .exclusions = exclusions}, fixture.cache(),
                   &prefetcher);
  const auto directory = files.lookup(kRootInode, "d", {}, caller);
  const auto file = files.lookup(directory.value().inode, "x", {}, caller);
  const auto handle = files.open(file.value().inode, {}, caller);
  std::array<std::byte, 5> bytes{};
  EXPECT_EQ(files.read(handle.value(), 0, bytes, {}, reader).value(), 5U);
  files.release(*handle);
  const auto listed = files.open_directory(directory->inode, {}, caller);
  EXPECT_TRUE(listed);
  files.release_directory(*listed);
  prefetcher.step();
  std::erase_if(events, [](const Event& e) { return e.operation == Operation::kServed; });
  return events;
}

TEST(FileSystem, TellsThePrefetcherNothingOfWhatIsExcluded) {
  const Caller self{static_cast<std::uint32_t>(::gettid()), 0};
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
  EXPECT_EQ(told_of_an_access({}, self, self).size(), 5U);
  EXPECT_EQ(told_of_an_access({"other", "other"}, self, self).size(), 5U);
  EXPECT_TRUE(told_of_an_access({program, ""}, self, self).empty());
  EXPECT_TRUE(told_of_an_access({"", "d"}, self, self).empty());
  EXPECT_EQ(told_of_an_access({"", "d/*"}, self, self).size(), 1U) << "but the listing";
  EXPECT_EQ(told_of_an_access({"", "x"}, self, self).size(), 1U) << "its directory is not";
  EXPECT_EQ(told_of_an_access({"", "p"}, self, self).size(), 5U) << "above the mount point";
}

TEST(FileSystem, WhatTheKernelReadsByItselfBelongsToWhoOpened) {
  const Caller self{static_cast<std::uint32_t>(::gettid()), 0};
  for (const Event& event : told_of_an_access({}, self, {})) {
    EXPECT_NE(event.stream, 0U);
    EXPECT_EQ(event.by_kernel_readahead, event.operation == Operation::kRead);
  }
}

TEST(FileSystem, AReadByAnotherProcessIsOfItsStream) {
  const Caller self{static_cast<std::uint32_t>(::gettid()), 0};
  const auto events = told_of_an_access({}, self, {1, 0});
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[2].operation, Operation::kRead);
  EXPECT_NE(events[2].stream, events[1].stream);
  EXPECT_FALSE(events[2].by_kernel_readahead);
}

TEST(FileSystem, TellsThePrefetcherWhatADirectoryHolds) {
  class Listener : public Expert {
   public:
    void observe(const Event& event, const Catalog& catalog, std::vector<Candidate>&) override {
      if (event.operation != Operation::kList) return;
      EXPECT_EQ(event.object, object_id("d/"));
      const auto children = catalog.children(event.object);
      children_ = {children.begin(), children.end()};
    }
    std::vector<ObjectId> children_;
  };
  auto listener = std::make_unique<Listener>();
  const Listener& heard = *listener;
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(listener));
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        std::move(experts), {.own_thread = false});
  FileSystemFixture fixture("", nullptr, &prefetcher);
  fixture.store.put("d/b", "b");
  fixture.store.put("d/a", "a");
  const auto directory = fixture.walk("d");
  ASSERT_TRUE(directory);
  const auto handle = fixture.files.open_directory(directory->inode, {});
  ASSERT_TRUE(handle);
  prefetcher.step();
  EXPECT_EQ(heard.children_, (std::vector{object_id("d/a"), object_id("d/b")}));
  fixture.files.release_directory(*handle);
}

TEST(FileSystem, ParallelCallsSeeRightBytesAndLeaveNothingBehind) {
  FileSystemFixture fixture;
  for (int i = 0; i < 20; ++i) {
    fixture.store.put("d/" + std::to_string(i), "content " + std::to_string(i));
  }
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const std::string name = std::to_string((i * 7 + t) % 20);
          const auto directory = fixture.files.lookup(kRootInode, "d", {});
          ASSERT_TRUE(directory);
          const auto file = fixture.files.lookup(directory->inode, name, {});
          ASSERT_TRUE(file);
          const auto handle = fixture.files.open(file->inode, {});
          ASSERT_TRUE(handle);
          EXPECT_EQ(text(fixture.read(*handle, 0, 100)), "content " + name);
          fixture.files.release(*handle);
          fixture.files.forget(file->inode, 1);
          fixture.files.forget(directory->inode, 1);
        }
      });
    }
  }
  EXPECT_EQ(fixture.files.stats().inodes, 1U);
  EXPECT_EQ(fixture.files.stats().open_files, 0U);
}

}  // namespace
}  // namespace augurfs
