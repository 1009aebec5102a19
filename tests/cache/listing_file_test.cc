#include "cache/listing_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "support/eventually.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

class ListingFileTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  // As the next daemon does.
  void reopen() {
    file_.reset();
    options_.file = directory_.path() / kListingsFile;
    options_.now = clock_.function();
    options_.wall_now = wall_.function();
    file_ = ListingFile::open(options_);
    ASSERT_NE(file_, nullptr);
  }

  // A listing of so many objects, asked for now.
  ListingFile::Page page(const std::string& prefix, int objects, const std::string& etag = "e") {
    auto page = std::make_shared<DirectoryPage>();
    for (int i = 0; i < objects; ++i) {
      page->listing.objects.push_back({{prefix + std::to_string(100'000 + i), etag, 1}, {}});
    }
    page->complete = true;
    page->asked = clock_.now();
    return page;
  }

  std::uint64_t bytes_on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : stdfs::directory_iterator(directory_.path())) {
      bytes += entry.file_size();
    }
    return bytes;
  }

  TemporaryDirectory directory_;
  ManualClock clock_;
  ManualWallClock wall_;
  ListingFileOptions options_{
      .store_identity = "memory", .bytes_max = ListingFile::kBytesMin, .own_thread = false};
  std::unique_ptr<ListingFile> file_;
};

TEST_F(ListingFileTest, AListingIsThereAfterARestartAndAsOldAsItIs) {
  file_->keep("d/", page("d/", 3));
  reopen();
  clock_.advance(std::chrono::seconds{1});  // another boot has another clock
  wall_.advance(std::chrono::seconds{100});
  const auto recalled = file_->recall("d/");
  ASSERT_NE(recalled, nullptr);
  EXPECT_TRUE(recalled->complete);
  EXPECT_EQ(recalled->listing.objects.size(), 3U);
  EXPECT_EQ(clock_.now() - recalled->asked, std::chrono::seconds{100});
  EXPECT_EQ(file_->recall("e/"), nullptr);
  EXPECT_EQ(file_->stats().recalled, 1U);
}

TEST_F(ListingFileTest, WhatWaitsIsKnownAlready) {
  file_->keep("d/", page("d/", 3));
  EXPECT_NE(file_->recall("d/"), nullptr);
  file_->forget("d/");
  EXPECT_EQ(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, TheLatestIsKept) {
  file_->keep("d/", page("d/", 3));
  file_->flush();
  file_->keep("d/", page("d/", 4));
  file_->flush();
  reopen();
  EXPECT_EQ(file_->recall("d/")->listing.objects.size(), 4U);
  file_->forget("d/");
  reopen();
  EXPECT_EQ(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, AnUnchangedListingIsRenewed) {
  file_->keep("d/", page("d/", 3));
  file_->flush();
  clock_.advance(std::chrono::seconds{50});
  wall_.advance(std::chrono::seconds{50});
  file_->keep("d/", page("d/", 3));
  reopen();
  EXPECT_EQ(file_->recall("d/")->asked, clock_.now());
}

TEST_F(ListingFileTest, AClockThatWentBackMakesAListingADayOld) {
  file_->keep("d/", page("d/", 3));
  reopen();
  wall_.advance(-std::chrono::hours{1});
  EXPECT_EQ(clock_.now() - file_->recall("d/")->asked, std::chrono::hours{24});
}

TEST_F(ListingFileTest, StaysBelowItsBoundAndForgetsWhatWasAskedForLongestAgo) {
  for (int i = 0; i < 400; ++i) {
    const std::string prefix = "d" + std::to_string(1000 + i) + "/";
    file_->keep(prefix, page(prefix, 1000, "d41d8cd98f00b204e9800998ecf8427e"));
    clock_.advance(std::chrono::seconds{1});
    wall_.advance(std::chrono::seconds{1});
    file_->flush();
    ASSERT_LE(bytes_on_disk(), ListingFile::kBytesMin);
  }
  EXPECT_NE(file_->recall("d1399/"), nullptr);
  EXPECT_EQ(file_->recall("d1000/"), nullptr);
  EXPECT_EQ(file_->stats().dropped, 0U);
}

TEST_F(ListingFileTest, AListingTooLongToKeepTakesAwayTheOlderOne) {
  file_->keep("d/", page("d/", 3));
  file_->flush();
  file_->keep("d/", page("d/", 100'000, "d41d8cd98f00b204e9800998ecf8427e"));
  file_->flush();
  EXPECT_EQ(file_->recall("d/"), nullptr);
  EXPECT_EQ(file_->stats().dropped, 1U);
}

TEST_F(ListingFileTest, ALowerBoundMakesTheFileSmaller) {
  options_.bytes_max = 8 * ListingFile::kBytesMin;
  reopen();
  for (int i = 0; i < 400; ++i) {
    const std::string prefix = "d" + std::to_string(1000 + i) + "/";
    file_->keep(prefix, page(prefix, 1000, "d41d8cd98f00b204e9800998ecf8427e"));
  }
  options_.bytes_max = ListingFile::kBytesMin;
  reopen();
  file_->keep("d/", page("d/", 3));
  reopen();
  EXPECT_LE(bytes_on_disk(), ListingFile::kBytesMin);
  EXPECT_NE(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, ListingsOfAnotherStoreAreThrownAway) {
  file_->keep("d/", page("d/", 3));
  options_.store_identity = "another";
  reopen();
  EXPECT_EQ(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, AFileThatIsDamagedIsSetAsideAndANewOneBegins) {
  file_.reset();
  std::ofstream(options_.file) << std::string(100'000, 'x');
  reopen();
  EXPECT_TRUE(stdfs::exists(options_.file.string() + ".aside"));
  file_->keep("d/", page("d/", 3));
  reopen();
  EXPECT_NE(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, BytesThatWereChangedOnDiskAreNoListing) {
  file_->keep("d/", page("d/", 200, "some-recognisable-etag"));
  file_.reset();
  std::string bytes;
  {
    std::ifstream in(options_.file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto at = bytes.rfind("recognisable");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'R';
  std::ofstream(options_.file, std::ios::binary) << bytes;
  reopen();
  EXPECT_EQ(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, WhatIsTooMuchAtOnceIsDroppedAndCounted) {
  for (std::size_t i = 0; i < ListingFile::kWaitingMax + 5; ++i) {
    file_->keep(std::to_string(i) + "/", page("", 0));
  }
  EXPECT_EQ(file_->stats().dropped, 5U);
}

TEST_F(ListingFileTest, AThreadOfItsOwnWritesBehind) {
  options_.own_thread = true;
  reopen();
  file_->keep("d/", page("d/", 3));
  reopen();
  EXPECT_NE(file_->recall("d/"), nullptr);
}

TEST_F(ListingFileTest, APlaceThatCannotBeWrittenIsDoneWithout) {
  options_.file = directory_.path() / "missing" / kListingsFile;
  EXPECT_EQ(ListingFile::open(options_), nullptr);
}

}  // namespace
}  // namespace augurfs
