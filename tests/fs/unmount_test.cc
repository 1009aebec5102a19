#include "fs/unmount.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

TEST(Unmount, WhatIsNotMountedIsAnErrorThatNamesIt) {
  const TemporaryDirectory home;
  const auto unmounted = unmount(home.path(), Detach::kWhenUnused);
  ASSERT_FALSE(unmounted);
  EXPECT_NE(unmounted.error().message.find(home.path()), std::string::npos);
}

}  // namespace
}  // namespace augurfs
