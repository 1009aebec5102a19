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

class Checkpoint : public testing::Test {
 protected:
  void save() { ASSERT_TRUE(save_checkpoint(file_, saved_)); }

  void overwrite(std::streamoff at, char byte) {
    std::fstream stream(file_, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream.put(byte);
  }

  void expect_set_aside() {
    NeuralWeights weights(2);
    EXPECT_FALSE(load_checkpoint(file_, weights));
    EXPECT_FALSE(std::filesystem::exists(file_));
    EXPECT_TRUE(std::filesystem::exists(file_.string() + ".set-aside"));
    EXPECT_TRUE(std::equal(weights.values().begin(), weights.values().end(),
                           NeuralWeights(2).values().begin()));
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_.path() / "model";
  NeuralWeights saved_{1};
};

TEST_F(Checkpoint, WhatWasSavedIsLoaded) {
  save();
  NeuralWeights loaded(2);
  EXPECT_TRUE(load_checkpoint(file_, loaded));
  EXPECT_TRUE(std::equal(loaded.values().begin(), loaded.values().end(), saved_.values().begin()));
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file_.string() + ".new"));
}

TEST_F(Checkpoint, WhereThereIsNoneNothingIsLoadedAndNothingSetAside) {
  NeuralWeights weights(2);
  EXPECT_FALSE(load_checkpoint(file_, weights));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(Checkpoint, ADamagedOneIsSetAside) {
  save();
  overwrite(1'000'000, '\x55');
  expect_set_aside();
}

TEST_F(Checkpoint, AnotherVersionIsSetAside) {
  save();
  overwrite(8, '\x02');
  expect_set_aside();
}

TEST_F(Checkpoint, AnotherShapeIsSetAside) {
  save();
  overwrite(16, '\x55');
  expect_set_aside();
}

TEST_F(Checkpoint, ACutOneIsSetAside) {
  for (const std::uintmax_t size : {0U, 7U, 40U, 1'000'000U}) {
    save();
    std::filesystem::resize_file(file_, size);
    expect_set_aside();
  }
}

TEST_F(Checkpoint, ALongerOneIsSetAside) {
  save();
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) + 1);
  expect_set_aside();
}

TEST_F(Checkpoint, AForeignFileIsSetAside) {
  directory_.write("model", std::string(9'000'000, 'x'));
  expect_set_aside();
}

TEST_F(Checkpoint, NumbersThatAreNoneAreSetAside) {
  saved_.values()[12345] = std::numeric_limits<float>::quiet_NaN();
  save();
  expect_set_aside();
}

TEST_F(Checkpoint, OneOfAnotherUserIsSetAside) {
  save();
  if (chown(file_.c_str(), 12345, 12345) != 0) {
    ASSERT_EQ(errno, EPERM);  // only root can make such a file
    return;
  }
  if (geteuid() == 0) expect_set_aside();
}

TEST_F(Checkpoint, APipeInItsPlaceIsSetAsideAndNotWaitedFor) {
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  expect_set_aside();
}

TEST_F(Checkpoint, WhereItCannotBeWrittenIsSaid) {
  const auto saved = save_checkpoint(directory_.path() / "no" / "model", saved_);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace augurfs
