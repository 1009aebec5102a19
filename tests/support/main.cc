// What gtest_main does, after spdlog has made its registry: ThreadSanitizer does not see into that
// library, and would take the making by one thread and the use by another for a race.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

int main(int argc, char** argv) {
  spdlog::default_logger();
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
