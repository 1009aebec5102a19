#include "house/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace augurfs {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;

std::vector<Source> program() { return sources({"fs", "predictor", "cache", "remote"}); }

// What the rules forbid stands in this folder's own text.
std::vector<Source> tests() {
  auto found = sources({"tests"});
  std::erase_if(
      found, [](const Source& source) { return source.path.string().starts_with("tests/house/"); });
  return found;
}

TEST(Sources, AreFound) {
  EXPECT_GT(program().size(), 15U);
  EXPECT_GT(tests().size(), 5U);
}

TEST(Sources, NoIncludeClimbsOutOfItsFolder) {
  EXPECT_THAT(lines_matching(sources({"fs", "predictor", "cache", "remote", "tests"}),
                             R"(^\s*#\s*include\s*"\.\./)"),
              IsEmpty());
}

TEST(Sources, OnlyTheHttpReactorIncludesCurl) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"]curl/)"),
              Each(MatchesRegex("remote/http_reactor\\.cc:.*")));
}

TEST(Sources, OnlyTheSqliteFilesIncludeSqlite) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"](sqlite3|SQLiteCpp))"),
              Each(MatchesRegex("cache/sqlite\\.(cc|h):.*")));
}

TEST(Sources, OnlyTheFuseSessionIncludesLibfuse) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"](fuse3/)?fuse)"),
              Each(MatchesRegex("fs/fuse_session\\.cc:.*")));
}

TEST(Sources, OnlyTheTraceInputIncludesZlibAndZstd) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"](zlib|zstd)\.h)"),
              Each(MatchesRegex("predictor/trace_input\\.cc:.*")));
}

TEST(Sources, OnlyTheSandboxIncludesSeccomp) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"](seccomp|linux/landlock))"),
              Each(MatchesRegex("predictor/brain/sandbox\\.cc:.*")));
}

TEST(Sources, OnlyTheTorchTrainerIncludesTorch) {
  EXPECT_THAT(lines_matching(program(), R"(#\s*include\s*[<"](torch|ATen|c10)/)"),
              Each(MatchesRegex("predictor/neural/torch_trainer\\.cc:.*")));
}

// {:?} escapes what stands between its quotes; quotes of one's own end where the value likes.
TEST(Sources, NoLogLineQuotesByItself) {
  EXPECT_THAT(lines_matching(program(), R"re(=\\"\{\}\\")re"), IsEmpty());
}

TEST(Sources, NoTestSleeps) {
  EXPECT_THAT(lines_matching(tests(), R"(sleep_for|sleep_until|\b(u|nano)?sleep\()"), IsEmpty());
}

// The only place that has these words: a test that skips itself cannot fail.
TEST(Sources, NoTestIsSkipped) {
  EXPECT_THAT(lines_matching(tests(), "GTEST_SKIP|DISABLED_"), IsEmpty());
}

TEST(Sources, NoFunctionIsLongerThan70Lines) {
  EXPECT_THAT(functions_longer_than(70, sources({"fs", "predictor", "cache", "remote", "tests"})),
              IsEmpty());
}

TEST(Sources, ATypesNameIsItsAloneInTheWholeProgram) {
  EXPECT_THAT(types_defined_twice(program()), IsEmpty());
}

TEST(Sources, ATypeIsKnownByItsDefinition) {
  const Source one{"a.h", {"class A : public B {", "struct Part;", "enum class E { kOne };", "};"}};
  const Source same{"b.cc", {"class A {", "class E::Part {", "struct C::Part {", "struct Part;"}};
  EXPECT_THAT(types_defined_twice({one, same}), ElementsAre("A: a.h:1, b.cc:1"));
  EXPECT_THAT(types_defined_twice({one}), IsEmpty());
}

TEST(Sources, AFunctionsLengthIsCountedFromItsSignatureToItsBrace) {
  const Source source{"a.cc",
                      {"struct S {", "  int member() {", "    return 1;", "  }", "};", "",
                       "// Says why.", "int f(int a,", "      int b) {", "  if (a) {", "#if 1",
                       "    return b;", "#endif", "  }", "  return a;", "}"}};
  EXPECT_THAT(functions_longer_than(8, {source}), ElementsAre("a.cc:8: 9 lines"));
  EXPECT_THAT(functions_longer_than(9, {source}), IsEmpty());
  EXPECT_THAT(functions_longer_than(2, {source}),
              ElementsAre("a.cc:8: 9 lines", "a.cc:2: 3 lines", "a.cc:10: 5 lines"));
}

}  // namespace
}  // namespace augurfs
