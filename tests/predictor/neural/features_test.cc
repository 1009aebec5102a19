#include "predictor/neural/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "predictor/object_id.h"

namespace augurfs {
namespace {

std::set<std::uint16_t> rows_of(const FeatureBag& bag) {
  return {bag.rows().begin(), bag.rows().end()};
}

std::size_t shared(const Version& a, const Version& b) {
  const auto of_a = rows_of(features_of(a));
  const auto of_b = rows_of(features_of(b));
  return static_cast<std::size_t>(
      std::count_if(of_a.begin(), of_a.end(), [&](auto row) { return of_b.count(row) > 0; }));
}

TEST(Features, AFileNeverSeenResemblesItsSiblings) {
  const Version seen{"train/images/cat_0041.jpg", "", 50'000};
  const Version sibling{"train/images/cat_0042.jpg", "", 51'000};
  const Version stranger{"usr/lib/libz.so", "", 120'000};
  const std::size_t all = features_of(seen).rows().size();
  // All but the path itself and the last digit.
  EXPECT_EQ(shared(seen, sibling), all - 2);
  EXPECT_LE(shared(seen, stranger), 1U);  // two may fall on one row
}

TEST(Features, TwoFilesAreNeverTheSame) {
  EXPECT_LT(shared({"a/b", "", 1}, {"a/c", "", 1}), features_of({"a/b", "", 1}).rows().size());
}

TEST(Features, ADirectoryCountsByItsDepth) {
  EXPECT_LT(shared({"x/y/f", "", 1}, {"y/x/f", "", 1}), shared({"x/y/f", "", 1}, {"x/z/f", "", 1}));
}

TEST(Features, AnyPathFitsIntoTheBag) {
  std::string path;
  for (int i = 0; i < 600; ++i) path += "dir" + std::to_string(i) + "/";
  for (const std::string& key :
       {path + "name.with.dots.123456789012345678901234567890", std::string(4096, '/'),
        std::string(4096, 'x'), std::string("\xff\xfe/\x80\x81.\xc0"), std::string("."),
        std::string(".bashrc"), std::string("a/"), std::string()}) {
    const FeatureBag bag = features_of({key, "", ~0ULL});
    EXPECT_GE(bag.rows().size(), 3U) << key.substr(0, 40);
    EXPECT_LT(bag.rows().size(), FeatureBag::kMax - 5) << "no room for the context";
  }
}

TEST(Features, AChunkAndItsTenthOfTheObjectAreTold) {
  const ObjectId object = object_id("x");
  const auto at = [&](std::uint32_t chunk) {
    FeatureBag bag;
    add_place(bag, {object, chunk, 1}, 1000 * 4096, 4096);
    return rows_of(bag);
  };
  EXPECT_NE(at(501), at(502));
  std::set<std::uint16_t> both;
  const auto one = at(501);
  const auto other = at(502);
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(),
                        std::inserter(both, both.end()));
  EXPECT_EQ(both.size(), 1U);
}

TEST(Features, TheStepFromTheReadBeforeIsPartOfTheContext) {
  const ObjectId object = object_id("x");
  const auto after = [&](std::uint32_t chunk) {
    FeatureBag bag;
    ReadContext context;
    context.before = {object, chunk, 1};
    add_context(bag, {object, 100, 1}, context);
    return bag.rows().back();
  };
  EXPECT_NE(after(99), after(98));
  EXPECT_EQ(after(1), after(2));  // far away: by magnitude
  EXPECT_NE(after(1), after(199));
}

}  // namespace
}  // namespace augurfs
