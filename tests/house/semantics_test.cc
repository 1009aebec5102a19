#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace augurfs {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(AUGURFS_SOURCE_DIRECTORY "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The sentences of the page by their names, S1 and so on, however their lines are broken.
std::map<std::string, std::string> sentences(const std::string& path, const std::string& mark,
                                             const std::string& end) {
  const std::string text = text_of(path);
  // A sentence begins with a mark and its name, and goes on to what ends it.
  const std::regex sentence(mark + R"((S\d+)\. ([^\n]*(?:\n(?!)" + end + R"()[^\n]*)*))");
  const std::regex breaks(R"(\s*\n\s*(// )?\s*)");
  std::map<std::string, std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), sentence), none; it != none; ++it) {
    const bool fresh =
        found.emplace((*it)[1], std::regex_replace((*it)[2].str(), breaks, " ")).second;
    EXPECT_TRUE(fresh) << path << " says " << (*it)[1] << " twice";
  }
  return found;
}

TEST(Semantics, EachSentenceHasATestThatQuotesIt) {
  const auto promised = sentences("docs/semantics.md", R"(\* )", R"(\*|\n|#)");
  const auto quoted = sentences("tests/fs/semantics_mount_test.cc", "// ", "TEST");
  EXPECT_GT(promised.size(), 30U);
  for (const auto& [name, sentence] : promised) {
    const auto found = quoted.find(name);
    ASSERT_NE(found, quoted.end()) << name << " has no test: " << sentence;
    EXPECT_EQ(found->second, sentence) << name;
  }
  for (const auto& [name, sentence] : quoted) {
    EXPECT_TRUE(promised.contains(name)) << name << " is tested and not promised: " << sentence;
  }
}

TEST(Semantics, EachQuoteStandsAboveTheTestOfItsName) {
  const std::string text = text_of("tests/fs/semantics_mount_test.cc");
  for (const auto& [name, sentence] :
       sentences("tests/fs/semantics_mount_test.cc", "// ", "TEST")) {
    const std::regex above("// " + name + R"(\. [^\n]*\n(// [^\n]*\n)*TEST\(Semantics, )" + name +
                           R"(\) \{)");
    EXPECT_TRUE(std::regex_search(text, above)) << name;
  }
}

}  // namespace
}  // namespace augurfs
