#include "predictor/neural/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <limits>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  void save() {
    auto file = Checkpoint::open(file_);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->save(saved_, 41));
  }

  void overwrite(std::uint64_t at, char byte) {
    std::fstream stream(file_, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
  }

  bool holds(const NeuralWeights& expected) {
    auto file = Checkpoint::open(file_);
    NeuralWeights loaded(77);
    return file && (*file)->load(loaded) &&
           std::equal(loaded.values().begin(), loaded.values().end(), expected.values().begin());
  }

  // And another is begun, which works.
  void expect_set_aside(const std::string& reason) {
    {
      auto file = Checkpoint::open(file_);
      ASSERT_TRUE(file) << file.error().message;
      EXPECT_EQ((*file)->set_aside(), reason);
      NeuralWeights weights(2);
      EXPECT_FALSE((*file)->load(weights));
      EXPECT_TRUE(std::equal(weights.values().begin(), weights.values().end(),
                             NeuralWeights(2).values().begin()));
      // Also of a link that leads nowhere.
      EXPECT_TRUE(
          std::filesystem::exists(std::filesystem::symlink_status(file_.string() + ".aside")));
      EXPECT_TRUE((*file)->save(NeuralWeights(3), 1));
    }
    EXPECT_TRUE(holds(NeuralWeights(3)));
    std::filesystem::remove(file_);
    std::filesystem::remove(file_.string() + ".aside");
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_.path() / "model";
  NeuralWeights saved_{1};
};

constexpr std::uint64_t kSecondSlot = Checkpoint::kHeaderBytes + Checkpoint::kSlotBytes;

TEST_F(CheckpointTest, WhatWasSavedIsLoaded) {
  save();
  EXPECT_TRUE(holds(saved_));
  EXPECT_EQ((*Checkpoint::open(file_))->load(saved_), 41U);
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::filesystem::file_size(file_), Checkpoint::kFileBytes);
}

TEST_F(CheckpointTest, OfManySavesTheLastIsLoadedByWhomeverMadeThem) {
  for (std::uint64_t seed = 2; seed < 5; ++seed) {
    saved_ = NeuralWeights(seed);
    save();
  }
  auto file = Checkpoint::open(file_);
  ASSERT_TRUE(file);
  for (std::uint64_t seed = 5; seed < 8; ++seed)
    ASSERT_TRUE((*file)->save(NeuralWeights(seed), seed));
  file->reset();
  EXPECT_TRUE(holds(NeuralWeights(7)));
}

TEST_F(CheckpointTest, ANewOneHoldsNothingAndIsNotSetAside) {
  for (int i = 0; i < 2; ++i) {
    auto file = Checkpoint::open(file_);
    ASSERT_TRUE(file);
    NeuralWeights weights(2);
    EXPECT_FALSE((*file)->load(weights));
    EXPECT_EQ((*file)->set_aside(), "");
  }
  EXPECT_FALSE(std::filesystem::exists(file_.string() + ".aside"));
}

// The first save goes to the second slot, the second to the first.
TEST_F(CheckpointTest, WhenASaveWasCutShortTheOneBeforeIsLoaded) {
  save();
  const NeuralWeights before = saved_;
  saved_ = NeuralWeights(4);
  save();
  overwrite(Checkpoint::kHeaderBytes + 1'000'000, '\x55');
  EXPECT_TRUE(holds(before));
  saved_ = NeuralWeights(5);
  save();
  EXPECT_TRUE(holds(saved_));
  overwrite(kSecondSlot + 1'000'000, '\x55');  // the good one stayed where it was
  EXPECT_TRUE(holds(saved_));
}

TEST_F(CheckpointTest, ADamagedOneIsSetAside) {
  save();
  overwrite(kSecondSlot + 1'000'000, '\x55');
  expect_set_aside("is damaged");
}

TEST_F(CheckpointTest, AnotherVersionIsSetAside) {
  save();
  overwrite(8, '\x03');
  expect_set_aside("is of version 3");
}

TEST_F(CheckpointTest, AnotherShapeIsSetAside) {
  save();
  overwrite(16, '\x55');
  expect_set_aside("is of another shape");
}

TEST_F(CheckpointTest, ACutOneIsSetAside) {
  for (const std::uintmax_t size : {0U, 7U, 40U, 1'000'000U}) {
    save();
    std::filesystem::resize_file(file_, size);
    expect_set_aside(size < 24 ? "is cut short" : "has the wrong length");
  }
}

TEST_F(CheckpointTest, ALongerOneIsSetAside) {
  save();
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) + 1);
  expect_set_aside("has the wrong length");
}

TEST_F(CheckpointTest, AForeignFileIsSetAside) {
  directory_.write("model", std::string(9'000'000, 'x'));
  expect_set_aside("is no model");
}

TEST_F(CheckpointTest, NumbersThatAreNoneAreSetAside) {
  saved_.values()[12345] = std::numeric_limits<float>::quiet_NaN();
  save();
  expect_set_aside("is damaged");
}

TEST_F(CheckpointTest, OneOfAnotherUserIsSetAside) {
  save();
  if (chown(file_.c_str(), 12345, 12345) != 0) {
    ASSERT_EQ(errno, EPERM);  // only root can make such a file
    return;
  }
  if (geteuid() == 0) expect_set_aside("belongs to another user");
}

TEST_F(CheckpointTest, APipeInItsPlaceIsSetAsideAndNotWaitedFor) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  expect_set_aside("is no file");
}

TEST_F(CheckpointTest, ALinkInItsPlaceIsNotFollowed) {
  std::filesystem::create_symlink(directory_.path() / "elsewhere", file_);
  expect_set_aside("Too many levels of symbolic links");
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "elsewhere"));
}

TEST_F(CheckpointTest, AnotherProcessMayNotHaveItAsWell) {
  save();
  const auto mine = Checkpoint::open(file_);
  ASSERT_TRUE(mine);
  const auto other = Checkpoint::open(file_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kUnavailable);
}

TEST_F(CheckpointTest, WhereItCannotBeWrittenIsSaid) {
  const auto file = Checkpoint::open(directory_.path() / "no" / "model");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace augurfs
