#include "fs/page_feed.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "fs/file_system_fixture.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40U;
constexpr std::uint32_t kAccount = 3;

// Remembers what it is shown.
class Witness : public Expert {
 public:
  explicit Witness(std::vector<Event>& seen) : seen_(seen) {}
  void observe(const Event& event, const Catalog&, std::vector<Candidate>&) override {
    seen_.push_back(event);
  }

 private:
  std::vector<Event>& seen_;
};

std::vector<std::unique_ptr<Expert>> only(std::unique_ptr<Expert> expert) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(expert));
  return experts;
}

// A feed without a thread, and a kernel that takes what it is given, or does not.
class PageFeedTest : public testing::Test {
 protected:
  explicit PageFeedTest(std::uint64_t unopened_bytes_max = kPlenty) {
    PageFeedOptions options;
    options.unopened_bytes_max = unopened_bytes_max;
    options.available = [this] { return available_; };
    options.now = clock_.function();
    options.own_thread = false;
    feed_ = std::make_unique<PageFeed>(
        options, files_.files, reader(),
        [this](InodeNumber inode, std::span<const std::byte> bytes) -> Result<void> {
          if (during_store_) during_store_(inode);
          if (refusal_) return *refusal_;
          const auto* text = reinterpret_cast<const char*>(bytes.data());
          stored_.emplace_back(text, bytes.size());
          return {};
        });
  }

  ChunkReader& reader() { return files_.cache().reader(); }

  // It is in the cache for the sake of a prefetch, and the feed has seen it.
  void fetch_ahead(const Version& version, float probability = 1) {
    ASSERT_TRUE(reader().prefetch(version, {0, version.size},
                                  {.account = kAccount, .probability = probability}));
    ASSERT_TRUE(eventually([&] {
      return reader().cached(version, {0, version.size}) && reader().under_way(version) == 0;
    }));
    feed_->step();
  }
  Version put(const std::string& key, std::size_t size = 6000) {
    std::string content(size, '\0');
    std::iota(content.begin(), content.end(), key.back());
    return files_.store.put(key, content);
  }
  // The kernel knows it.
  Version put_and_look_up(const std::string& key, std::size_t size = 6000) {
    Version version = put(key, size);
    files_.expire();  // a directory was listed when it was not there yet
    EXPECT_TRUE(files_.walk(key));
    return version;
  }
  void open_and_close(const std::string& path) {
    const auto handle = files_.open(path);
    ASSERT_TRUE(handle) << handle.error().message;
    files_.files.release(*handle);
  }
  PrefetchTally tally() {
    const auto tallies = files_.cache().prefetch_tallies();
    return kAccount < tallies.size() ? tallies[kAccount] : PrefetchTally{};
  }

  std::vector<Event> seen_;
  Prefetcher prefetcher_{[](const Version&, ByteRange, const Foreseen&) { return true; },
                         only(std::make_unique<Witness>(seen_)),
                         {.own_thread = false}};
  FileSystemFixture files_{"", nullptr, &prefetcher_};
  ManualClock clock_;
  std::uint64_t available_ = kPlenty;
  std::optional<Error> refusal_;
  std::function<void(InodeNumber)> during_store_;
  std::vector<std::string> stored_;
  std::unique_ptr<PageFeed> feed_;
};

TEST_F(PageFeedTest, WhatWasFetchedAheadIsStoredWhole) {
  const Version file = put_and_look_up("d/a", 10'000);
  fetch_ahead(file);
  ASSERT_EQ(stored_.size(), 1U) << "once, though it came in three chunks";
  EXPECT_EQ(stored_[0], *files_.content("d/a"));
  EXPECT_EQ(feed_->stats().stored, 1U);
  EXPECT_EQ(feed_->stats().stored_bytes, 10'000U);
}

TEST_F(PageFeedTest, WhatWasCachedBeforeIsStoredAsWell) {
  const Version file = put("a");
  fetch_ahead(file);
  EXPECT_TRUE(stored_.empty()) << "the kernel does not know it";
  EXPECT_GT(feed_->stats().not_needed, 0U);
  ASSERT_TRUE(files_.walk("a"));
  fetch_ahead(file);
  EXPECT_EQ(stored_.size(), 1U);
}

TEST_F(PageFeedTest, WhatIsLargeUnlikelyOrNotAllThereIsNot) {
  fetch_ahead(put_and_look_up("large", PageFeed::kObjectBytesMax + 1));
  fetch_ahead(put_and_look_up("unlikely"), 0.79F);
  const Version part = put_and_look_up("part", 10'000);
  ASSERT_TRUE(reader().prefetch(part, {0, 10}));
  ASSERT_TRUE(eventually([&] { return reader().cached(part, {0, 10}); }));
  ASSERT_TRUE(eventually([&] { return reader().under_way(part) == 0; }));
  feed_->step();
  EXPECT_TRUE(stored_.empty());
}

TEST_F(PageFeedTest, WhatIsOpenOrWasOpenIsNotStored) {
  const Version open = put_and_look_up("open");
  const Version closed = put_and_look_up("closed");
  const auto handle = files_.open("open");
  open_and_close("closed");
  fetch_ahead(open);
  fetch_ahead(closed);
  files_.files.release(*handle);
  EXPECT_TRUE(stored_.empty());
  EXPECT_EQ(files_.files.stats().stored_opened, 0U);
}

TEST_F(PageFeedTest, AFileIsStoredOnce) {
  const Version file = put_and_look_up("a");
  for (int i = 0; i < 3; ++i) fetch_ahead(file);
  open_and_close("a");
  fetch_ahead(file);
  EXPECT_EQ(stored_.size(), 1U);
}

TEST_F(PageFeedTest, AVersionThatTheKernelDoesNotKnowIsNotStored) {
  put_and_look_up("a");
  const Version fresh = put("a", 7000);
  fetch_ahead(fresh);
  EXPECT_TRUE(stored_.empty());
  files_.expire();
  ASSERT_TRUE(files_.walk("a"));
  fetch_ahead(fresh);
  EXPECT_EQ(stored_.size(), 1U);
}

TEST_F(PageFeedTest, AnObjectThatIsReplacedAfterItWasStoredIsAnotherInode) {
  const Version file = put_and_look_up("a");
  const InodeNumber inode = files_.walk("a")->inode;
  fetch_ahead(file);
  put("a", 7000);
  files_.expire();
  EXPECT_EQ(files_.files.open(inode, {}).error().code, ErrorCode::kStale);
  EXPECT_EQ(files_.content("a")->size(), 7000U);
  EXPECT_EQ(files_.files.stats().stored_opened, 0U);
}

TEST_F(PageFeedTest, WhatTheKernelForgetsIsNotStored) {
  const Version file = put_and_look_up("d/a");
  files_.forget_all();
  fetch_ahead(file);
  EXPECT_TRUE(stored_.empty());
}

TEST_F(PageFeedTest, ItIsUsedWhenAProgramOpensIt) {
  fetch_ahead(put_and_look_up("a"));
  EXPECT_EQ(tally().resident_bytes, 6000U);
  for (int i = 0; i < 2; ++i) open_and_close("a");
  EXPECT_EQ(tally().used_bytes, 6000U);
  EXPECT_EQ(tally().fetched_bytes(), 6000U);
  EXPECT_EQ(files_.files.stats().stored_opened, 1U);
  EXPECT_EQ(files_.files.stats().stored_opened_bytes, 6000U);
  const CacheStats cache = files_.cache().stats();
  EXPECT_EQ(cache.hits + cache.ahead + cache.misses, 0U) << "nobody asked for a byte";
}

TEST_F(PageFeedTest, ItsFirstOpenIsToldAsTheReadThatTheKernelDoesNotAskFor) {
  fetch_ahead(put_and_look_up("a"));
  for (int i = 0; i < 2; ++i) open_and_close("a");
  prefetcher_.step();
  std::vector<Event> reads;
  for (const Event& event : seen_) {
    if (event.operation == Operation::kRead) reads.push_back(event);
  }
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].range.offset, 0U);
  EXPECT_EQ(reads[0].range.length, 6000U);
  EXPECT_TRUE(reads[0].hit);
  EXPECT_FALSE(reads[0].by_kernel_readahead);
}

TEST_F(PageFeedTest, WhatTheKernelRefusesIsAsIfItHadNotBeenTried) {
  const Version file = put_and_look_up("a");
  refusal_ = Error{ErrorCode::kNotFound, "forgotten"};
  fetch_ahead(file);
  EXPECT_EQ(feed_->stats().failed, 1U);
  EXPECT_EQ(feed_->stats().stored, 0U);
  refusal_.reset();
  fetch_ahead(file);
  EXPECT_EQ(feed_->stats().stored, 1U);
}

TEST_F(PageFeedTest, AnOpenWaitsWhileItsFileIsStored) {
  const Version file = put_and_look_up("a");
  put_and_look_up("b");
  std::stop_source stopped;
  stopped.request_stop();
  std::string same = "opened";
  during_store_ = [&](InodeNumber inode) {
    const auto opened = files_.files.open(inode, stopped.get_token());
    if (!opened) same = opened.error().message;
    open_and_close("b");
  };
  fetch_ahead(file);
  EXPECT_EQ(same, "opening a file that is being stored");
  EXPECT_EQ(files_.files.stats().open_files, 0U);
  during_store_ = nullptr;
  open_and_close("a");
  EXPECT_EQ(files_.files.stats().stored_opened, 1U);
}

class PageFeedWithRoomForTwo : public PageFeedTest {
 protected:
  PageFeedWithRoomForTwo() : PageFeedTest(12'000) {
    for (const char* name : {"a", "b"}) fetch_ahead(put_and_look_up(name));
    EXPECT_EQ(stored_.size(), 2U);
  }
};

TEST_F(PageFeedWithRoomForTwo, WhatNobodyOpensLeavesNoRoom) {
  const Version file = put_and_look_up("c");
  fetch_ahead(file);
  EXPECT_EQ(feed_->stats().no_room, 1U);
  clock_.advance(seconds{59});
  fetch_ahead(file);
  EXPECT_EQ(stored_.size(), 2U);
}

TEST_F(PageFeedWithRoomForTwo, WhatIsOpenedMakesRoom) {
  open_and_close("b");
  fetch_ahead(put_and_look_up("c"));
  EXPECT_EQ(stored_.size(), 3U);
  clock_.advance(seconds{1});
  fetch_ahead(put_and_look_up("d"));
  EXPECT_EQ(stored_.size(), 3U) << "a and c are not opened";
}

TEST_F(PageFeedWithRoomForTwo, WhatTheKernelForgetsMakesRoom) {
  files_.forget_all();
  fetch_ahead(put_and_look_up("c"));
  EXPECT_EQ(stored_.size(), 3U);
}

TEST_F(PageFeedWithRoomForTwo, AfterAMinuteItIsLeftToTheKernel) {
  clock_.advance(PageFeed::kUnopenedFor);
  fetch_ahead(put_and_look_up("c"));
  EXPECT_EQ(stored_.size(), 3U);
}

TEST_F(PageFeedTest, OfLittleMemoryItTakesASixteenth) {
  available_ = PageFeed::kMemoryShare * 6000;
  fetch_ahead(put_and_look_up("a"));
  fetch_ahead(put_and_look_up("b"));
  EXPECT_EQ(stored_.size(), 1U);
  available_ = 0;
  clock_.advance(PageFeed::kUnopenedFor);
  fetch_ahead(put_and_look_up("c"));
  EXPECT_EQ(stored_.size(), 1U);
}

}  // namespace
}  // namespace augurfs
