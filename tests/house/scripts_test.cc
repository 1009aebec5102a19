#include <gtest/gtest.h>

#include "house/sources.h"

namespace augurfs {
namespace {

TEST(Scripts, ParseAndPassShellcheck) {
  const auto outcome = run(
      "set -- $(grep -lE '^#!.*(bash|sh)$' -r scripts bench packaging tests .ci 2> /dev/null) && "
      "[ $# -ge 7 ] && bash -n \"$@\" && shellcheck \"$@\"");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST(Scripts, StopAtTheFirstCommandThatFails) {
  const auto outcome =
      run("! grep -LE '^set -euo pipefail$' $(grep -lE '^#!.*bash$' -r scripts bench packaging "
          "tests .ci "
          "2> /dev/null) | grep .");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST(Scripts, RefuseAWordTheyDoNotKnow) {
  EXPECT_EQ(run("scripts/deps nonsense").status, 1);
  EXPECT_EQ(run("scripts/test nonsense").status, 2);
  EXPECT_EQ(run("scripts/format nonsense").status, 2);
  EXPECT_EQ(run("scripts/ceph-rgw nonsense").status, 2);
}

}  // namespace
}  // namespace augurfs
