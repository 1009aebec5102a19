#include "fs/fuse_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace augurfs {
namespace {

using testing::Contains;
using testing::Not;

TEST(FuseArguments, ACommaOrABackslashInTheSourceEndsNoOption) {
  const auto arguments = fuse_arguments({.source = "s3://b/a,rw\\"});
  EXPECT_THAT(arguments, Contains("-ofsname=s3://b/a\\,rw\\\\"));
}

TEST(FuseArguments, OthersAreLetInOnlyWhenAsked) {
  EXPECT_THAT(fuse_arguments({.allow_other = false}), Not(Contains("-oallow_other")));
  EXPECT_THAT(fuse_arguments({.allow_other = true}), Contains("-oallow_other"));
}

}  // namespace
}  // namespace augurfs
