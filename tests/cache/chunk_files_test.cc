#include "cache/chunk_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class ChunkFilesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.prepare()); }

  static std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
  }

  std::string read(std::uint64_t object, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const auto got = files_.read(object, offset, std::as_writable_bytes(std::span(text)));
    text.resize(got.value_or(0));
    return text;
  }

  TemporaryDirectory temporary_;
  const std::filesystem::path root_ = temporary_.path() / "objects";
  ChunkFiles files_{root_, real_disk()};
};

TEST_F(ChunkFilesTest, ReadBackWhatWasWrittenAndZerosWhereItWasPunched) {
  ASSERT_TRUE(files_.create(1, 10'000));
  ASSERT_TRUE(files_.write(1, 4096, bytes("hello")));
  EXPECT_EQ(read(1, 4096, 5), "hello");
  ASSERT_TRUE(files_.punch(1, {4096, 4096}));
  EXPECT_EQ(read(1, 4096, 5), std::string(5, '\0'));
  EXPECT_EQ(read(1, 9'998, 5).size(), 2U);
  EXPECT_TRUE(files_.data(1)->empty());
}

TEST_F(ChunkFilesTest, AreNotMadeByAWriteOrARead) {
  EXPECT_EQ(files_.write(1, 0, bytes("x")).error().code, ErrorCode::kNotFound);
  std::byte out{};
  EXPECT_EQ(files_.read(1, 0, {&out, 1}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(files_.none());
}

TEST_F(ChunkFilesTest, StayAsTheyAreWhenMadeTwice) {
  ASSERT_TRUE(files_.create(1, 100));
  ASSERT_TRUE(files_.write(1, 0, bytes("hello")));
  ASSERT_TRUE(files_.create(1, 100));
  EXPECT_EQ(read(1, 0, 5), "hello");
}

TEST_F(ChunkFilesTest, AreGoneWhenRemovedAlsoForThoseWhoHadThemOpen) {
  ASSERT_TRUE(files_.create(1, 100));
  ASSERT_EQ(read(1, 0, 5).size(), 5U);
  ASSERT_TRUE(files_.remove(1));
  EXPECT_EQ(read(1, 0, 5), "");
  EXPECT_TRUE(files_.remove(1)) << "once more is no error";
}

TEST_F(ChunkFilesTest, KeepABoundedNumberOpen) {
  const auto open_now = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open_now();
  const std::uint64_t count = ChunkFiles::kOpenFilesMax + 50;
  for (std::uint64_t object = 0; object < count; ++object) {
    ASSERT_TRUE(files_.create(object, 10));
    ASSERT_TRUE(files_.write(object, 0, bytes(std::to_string(object))));
  }
  EXPECT_LE(open_now() - before, static_cast<std::ptrdiff_t>(ChunkFiles::kOpenFilesMax));
  for (std::uint64_t object = 0; object < count; ++object) {
    const std::string number = std::to_string(object);
    EXPECT_EQ(read(object, 0, number.size()), number);
  }
}

TEST_F(ChunkFilesTest, AreListedWithoutWhatIsNotOurs) {
  const std::set<std::uint64_t> expected{1, 257, ~std::uint64_t{0}};
  for (const auto object : expected) ASSERT_TRUE(files_.create(object, 10));
  std::ofstream(root_ / "01" / "README") << "x";
  std::ofstream(root_ / "01" / "0000000000000002") << "belongs into another directory";
  std::set<std::uint64_t> listed;
  ASSERT_TRUE(files_.each([&](std::uint64_t object) { return listed.insert(object).second; }));
  EXPECT_EQ(listed, expected);
}

}  // namespace
}  // namespace augurfs
