#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "house/sources.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// "document: link" for each relative link that leads nowhere.
std::vector<std::string> broken_links(const fs::path& document,
                                      const std::vector<std::string>& lines) {
  static const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))");
  std::vector<std::string> broken;
  for (const auto& line : lines) {
    for (std::sregex_iterator match(line.begin(), line.end(), link), end; match != end; ++match) {
      const fs::path target = document.parent_path() / (*match)[1].str();
      if (!fs::exists(fs::path(AUGURFS_SOURCE_DIRECTORY) / target)) {
        broken.push_back(document.string() + ": " + (*match)[1].str());
      }
    }
  }
  return broken;
}

TEST(Documents, EachLinkLeadsSomewhere) {
  std::vector<std::string> broken;
  std::size_t documents = 0;
  for (const auto& name : {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}) {
    std::ranges::copy(broken_links(name, read_lines(name)), std::back_inserter(broken));
  }
  for (const auto& entry : fs::directory_iterator(fs::path(AUGURFS_SOURCE_DIRECTORY) / "docs")) {
    const fs::path document = "docs" / entry.path().filename();
    if (document.extension() != ".md") continue;
    ++documents;
    std::ranges::copy(broken_links(document, read_lines(document)), std::back_inserter(broken));
  }
  EXPECT_GE(documents, 2U);
  EXPECT_THAT(broken, testing::IsEmpty());
}

TEST(Documents, ALinkThatLeadsNowhereIsFound) {
  EXPECT_THAT(
      broken_links("docs/a.md", {"See [a](nowhere.md#x), [b](../README.md) and [c](http://x/y)."}),
      testing::ElementsAre("docs/a.md: nowhere.md"));
}

}  // namespace
}  // namespace augurfs
