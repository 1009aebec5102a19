#include "fs/option_docs.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "fs/config_file.h"
#include "fs/option_table.h"

namespace augurfs {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The example as someone leaves it who takes the '#' off every option.
std::string uncommented_example() {
  std::istringstream lines(config_example());
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool option = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    text += (option ? line.substr(1) : line) + "\n";
  }
  return text;
}

TEST(ConfigExample, IsRightAndChangesNothing) {
  Options options;
  options.mount.threads = 7;
  const auto applied = apply_config(config_example(), "example", options);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(options.mount.threads, 7);
}

TEST(ConfigExample, IsRightAlsoWithEveryOptionInIt) {
  Options options;  // all zero: what ends up in it is from the example
  const auto applied = apply_config(uncommented_example(), "example", options);
  ASSERT_TRUE(applied) << applied.error().message;
  const Options defaults = default_options();
  EXPECT_EQ(options.cache.size.share, defaults.cache.size.share);
  EXPECT_EQ(options.mount.file_mode, defaults.mount.file_mode);
  EXPECT_EQ(options.log.level, defaults.log.level);
}

TEST(ConfigExample, HasEveryOptionOnceWithItsDefaultAndItsDocumentation) {
  const std::string example = config_example();
  for (const Option& option : option_table()) {
    const std::string line = "\n#" + std::string(option.key()) + " = " +
                             toml_literal(option, option.default_value) + "\n";
    EXPECT_EQ(count(example, line), 1U) << line;
    const auto word = option.documentation.substr(0, option.documentation.find(' '));
    EXPECT_TRUE(contains(example, "# " + std::string(word))) << option.name;
  }
}

TEST(ConfigExample, FitsATerminal) {
  std::istringstream lines(config_example());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90U) << line;
}

TEST(ConfigurationPage, InTheRepositoryIsTheOneThatTheTableMakes) {
  std::ifstream file(AUGURFS_SOURCE_DIR "/docs/configuration.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), configuration_page())
      << "run: build/release/bin/augurfs config --markdown > docs/configuration.md";
}

TEST(ConfigurationPage, HasEveryOption) {
  const std::string page = configuration_page();
  for (const Option& option : option_table()) {
    EXPECT_EQ(count(page, "### `" + std::string(option.name) + "`\n"), 1U);
    EXPECT_TRUE(contains(page, "`" + option.environment_name() + "`"));
  }
}

TEST(OptionsSummary, HasEveryOption) {
  const std::string summary = options_summary();
  for (const Option& option : option_table()) {
    EXPECT_EQ(count(summary, "  " + std::string(option.name) + " = "), 1U) << option.name;
  }
}

}  // namespace
}  // namespace augurfs
