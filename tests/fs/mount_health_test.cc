#include "fs/mount_health.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(MountHealth, WhatIsNoMountAnswers) {
  EXPECT_EQ(ask_mount("/"), MountHealth::kAnswers);
  EXPECT_EQ(ask_mount("/no/such/directory"), MountHealth::kAnswers);
}

}  // namespace
}  // namespace augurfs
