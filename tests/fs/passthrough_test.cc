#include "fs/passthrough.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

namespace augurfs {
namespace {

constexpr InodeNumber kOne{10};

class PassthroughTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kIdleBytesMax = 1000;
  static constexpr std::uint64_t kFileBytes = 10;

  PassthroughTest() { passthrough_.start({}); }

  Passthrough::Pin pin(std::uint64_t bytes = kFileBytes) {
    return [this, bytes] {
      ++pinned_;
      return std::make_unique<PinnedFile>(UniqueFd(), bytes, [this] { --pinned_; });
    };
  }
  static std::unique_ptr<PinnedFile> incomplete() { return nullptr; }

  int pinned_ = 0;
  std::int32_t next_ = 1;
  std::set<std::int32_t> known_;  // to the kernel
  Result<void> refusal_;
  Passthrough passthrough_{{.open = [this](int) -> Result<std::int32_t> {
                              if (!refusal_) return refusal_.error();
                              known_.insert(next_);
                              return next_++;
                            },
                            .close = [this](std::int32_t number) { known_.erase(number); }},
                           kIdleBytesMax,
                           "not yet"};
};

TEST_F(PassthroughTest, OpensOfOneInodeShareOneBacking) {
  const auto first = passthrough_.open(kOne, pin());
  const auto second = passthrough_.open(kOne, pin());
  const auto direct = passthrough_.open(kOne, nullptr);
  EXPECT_NE(first.backing, 0);
  EXPECT_TRUE(first.fresh);
  EXPECT_EQ(second.backing, first.backing);
  EXPECT_EQ(direct.backing, first.backing);
  EXPECT_FALSE(second.fresh);
  EXPECT_EQ(pinned_, 1);
  EXPECT_EQ(passthrough_.stats().opens, 3U);
  EXPECT_EQ(passthrough_.stats().files, 1U);
}

TEST_F(PassthroughTest, AnInodeThatWasOpenedCachedStaysSoUntilNobodyHasIt) {
  EXPECT_EQ(passthrough_.open(kOne, incomplete).backing, 0);
  EXPECT_EQ(passthrough_.open(kOne, pin()).backing, 0);
  passthrough_.release(kOne);
  EXPECT_EQ(passthrough_.open(kOne, pin()).backing, 0);
  passthrough_.release(kOne);
  passthrough_.release(kOne);
  EXPECT_NE(passthrough_.open(kOne, pin()).backing, 0);
}

TEST_F(PassthroughTest, AFileThatIsClosedIsKnownForAWhile) {
  const auto first = passthrough_.open(kOne, pin());
  passthrough_.release(kOne);
  const auto again = passthrough_.open(kOne, incomplete);
  EXPECT_EQ(again.backing, first.backing);
  EXPECT_FALSE(again.fresh);
}

TEST_F(PassthroughTest, OfClosedFilesTheMostRecentAreKnown) {
  for (std::uint64_t i = 0; i <= Passthrough::kIdleMax; ++i) {
    passthrough_.open(InodeNumber{i}, pin());
    passthrough_.release(InodeNumber{i});
  }
  EXPECT_EQ(known_.size(), Passthrough::kIdleMax);
  EXPECT_FALSE(known_.contains(1)) << "the oldest";
  EXPECT_EQ(pinned_, static_cast<int>(Passthrough::kIdleMax));
  EXPECT_EQ(passthrough_.stats().files, Passthrough::kIdleMax);
}

TEST_F(PassthroughTest, ClosedFilesTogetherKeepFewBytes) {
  passthrough_.open(kOne, pin(kIdleBytesMax));
  passthrough_.release(kOne);
  EXPECT_EQ(pinned_, 1);
  passthrough_.open(InodeNumber{11}, pin(1));
  passthrough_.release(InodeNumber{11});
  EXPECT_EQ(pinned_, 1) << "the small one";
  passthrough_.open(InodeNumber{12}, pin(kIdleBytesMax + 1));
  EXPECT_EQ(pinned_, 2);
  passthrough_.release(InodeNumber{12});
  EXPECT_EQ(pinned_, 0);
  EXPECT_TRUE(known_.empty());
}

TEST_F(PassthroughTest, WhatTheKernelRefusesIsCached) {
  refusal_ = Error{ErrorCode::kUnavailable, "too many"};
  EXPECT_EQ(passthrough_.open(kOne, pin()).backing, 0);
  EXPECT_EQ(pinned_, 0);
  EXPECT_TRUE(passthrough_.stats().on) << "another time";
  refusal_ = Error{ErrorCode::kDenied, "may not"};
  EXPECT_EQ(passthrough_.open(InodeNumber{11}, pin()).backing, 0);
  EXPECT_FALSE(passthrough_.stats().on);
  EXPECT_EQ(passthrough_.stats().reason, "may not");
}

TEST_F(PassthroughTest, ATrialThatFailsSaysWhyItIsOff) {
  passthrough_.start(Error{ErrorCode::kDenied, "may not"});
  EXPECT_EQ(passthrough_.open(kOne, pin()).backing, 0);
  EXPECT_EQ(passthrough_.stats().reason, "may not");
}

// While a file is checked for one open, another may come and go.
TEST_F(PassthroughTest, TheFirstOfTwoOpensAtOnceDecides) {
  const auto slow = [&] {
    EXPECT_EQ(passthrough_.open(kOne, incomplete).backing, 0);
    return pin()();
  };
  EXPECT_EQ(passthrough_.open(kOne, slow).backing, 0);
  EXPECT_EQ(pinned_, 0);
  EXPECT_TRUE(known_.empty());
}

TEST_F(PassthroughTest, AtTheEndEveryFileIsGivenBack) {
  passthrough_.open(kOne, pin());
  passthrough_.end();
  EXPECT_EQ(pinned_, 0);
  passthrough_.release(kOne);
  EXPECT_EQ(passthrough_.stats().files, 0U);
}

std::vector<std::byte> init_request(std::uint32_t flags, std::uint32_t flags2) {
  std::vector<std::byte> bytes(104);
  const std::uint32_t opcode = 26;
  std::memcpy(&bytes[4], &opcode, sizeof(opcode));
  std::memcpy(&bytes[52], &flags, sizeof(flags));
  std::memcpy(&bytes[56], &flags2, sizeof(flags2));
  return bytes;
}

TEST(FuseWire, AnOfferIsBit37OfAnExtendedInit) {
  constexpr std::uint32_t kExtended = 1U << 30U;
  EXPECT_TRUE(fuse_wire::offers_passthrough(init_request(kExtended, 1U << 5U)));
  EXPECT_FALSE(fuse_wire::offers_passthrough(init_request(0, 1U << 5U)));
  EXPECT_FALSE(fuse_wire::offers_passthrough(init_request(kExtended, ~(1U << 5U))));
  const auto old = std::vector<std::byte>(56);
  EXPECT_FALSE(fuse_wire::offers_passthrough(old));
}

TEST(FuseWire, AReplyThatAcceptsKeepsWhatElseItSays) {
  std::vector<std::byte> body(64, std::byte{0});
  body[13] = std::byte{1};
  fuse_wire::accept_passthrough(body, 2);
  EXPECT_EQ(body[13], std::byte{1});
  EXPECT_EQ(body[15], std::byte{1U << 6U});
  EXPECT_EQ(body[32], std::byte{1U << 5U});
  EXPECT_EQ(body[36], std::byte{2});
  std::vector<std::byte> old(24, std::byte{0});
  fuse_wire::accept_passthrough(old, 2);
  EXPECT_TRUE(std::ranges::all_of(old, [](std::byte byte) { return byte == std::byte{0}; }));
}

}  // namespace
}  // namespace augurfs
