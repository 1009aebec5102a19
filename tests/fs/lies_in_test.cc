#include "fs/lies_in.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(LiesIn, ADirectoryHoldsItselfAndWhatIsBelow) {
  EXPECT_TRUE(lies_in("/a/b", "/a/b"));
  EXPECT_TRUE(lies_in("/a/b/c", "/a/b"));
  EXPECT_TRUE(lies_in("/a", "/"));
}

TEST(LiesIn, ANeighbourWhoseNameBeginsTheSameIsOutside) {
  EXPECT_FALSE(lies_in("/a/bc", "/a/b"));
  EXPECT_FALSE(lies_in("/a", "/a/b"));
}

}  // namespace
}  // namespace augurfs
