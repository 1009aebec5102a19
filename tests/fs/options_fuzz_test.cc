#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "fs/command_line.h"
#include "fs/config_file.h"
#include "fs/option_docs.h"
#include "fs/option_sources.h"
#include "fs/option_table.h"

// What a person, or a program that writes for one, may put where options go. Nothing crashes or
// throws; what is not accepted gets an error that says where. Each round is made from its number
// alone, so that a failure can be run again.

namespace augurfs {
namespace {

constexpr unsigned kRounds = 2000;

class Scribbler {
 public:
  explicit Scribbler(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  std::string bytes(std::size_t count_max) {
    std::string text(below(count_max + 1), '\0');
    for (char& c : text) c = static_cast<char>(below(256));
    return text;
  }

  // Words of TOML and of our own, one behind the other.
  std::string words(std::size_t count_max, const std::vector<std::string>& known) {
    std::string text;
    for (std::size_t i = below(count_max + 1); i > 0; --i) {
      text += below(20) == 0 ? bytes(4) : known[below(known.size())];
    }
    return text;
  }

  // `text` with a few bytes changed, taken out, put in or doubled.
  std::string damaged(std::string text) {
    for (std::size_t i = 1 + below(8); i > 0 && !text.empty(); --i) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = static_cast<char>(below(256));
          break;
        case 1:
          text.erase(at, 1 + below(20));
          break;
        case 2:
          text.insert(at, bytes(3));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(40)));
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

std::vector<std::string> known_words() {
  std::vector<std::string> words = {"\n",
                                    "\n",
                                    "[",
                                    "]",
                                    "[[",
                                    "]]",
                                    "{",
                                    "}",
                                    "=",
                                    " = ",
                                    ".",
                                    ",",
                                    "\"",
                                    "'",
                                    "\"\"\"",
                                    "'''",
                                    "#",
                                    " ",
                                    "\t",
                                    "\\",
                                    "\\u",
                                    "true",
                                    "auto",
                                    "1",
                                    "-1",
                                    "0o644",
                                    "0x1",
                                    "1.5",
                                    "inf",
                                    "nan",
                                    "1e9",
                                    "20 GiB",
                                    "10%",
                                    "30 s",
                                    "1979-05-27",
                                    "07:32:00",
                                    "T",
                                    "Z",
                                    "\r\n",
                                    "_",
                                    "9223372036854775807",
                                    "99999999999999999999",
                                    "\xef\xbb\xbf",
                                    "\xc3\xbc",
                                    "=\"auto\"\n"};
  for (const OptionSection& section : option_sections()) {
    words.push_back("\n[" + std::string(section.name) + "]\n");
  }
  for (const Option& option : option_table()) {
    words.emplace_back(option.name);
    words.push_back(std::string(option.key()) + " = " + toml_literal(option, option.default_value) +
                    "\n");
  }
  return words;
}

// Each line of a refusal says where: "NAME:LINE:COLUMN: what", or that there is more of it.
void expect_places(const std::string& message, unsigned round) {
  std::istringstream lines(message);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    int line_number = 0;
    int column = 0;
    int end = 0;
    const int found = std::sscanf(line.c_str(), "f.toml:%d:%d: %n", &line_number, &column, &end);
    const bool place = found == 2 && end > 0 && line_number > 0 && column > 0 &&
                       line.size() > static_cast<std::size_t>(end);
    EXPECT_TRUE(place || line.starts_with("f.toml: and ")) << "round " << round << ": " << message;
  }
  EXPECT_GT(count, 0U) << "round " << round;
}

void check_config(const std::string& text, unsigned round) {
  Options options = default_options();
  const auto applied = apply_config(text, "f.toml", options);
  if (!applied) expect_places(applied.error().message, round);
}

TEST(OptionsFuzz, RandomBytesAreNoConfig) {
  for (unsigned round = 0; round < kRounds; ++round) {
    check_config(Scribbler(round).bytes(200), round);
  }
}

TEST(OptionsFuzz, ADamagedConfigIsRightOrSaysWhere) {
  std::string example = config_example();
  for (std::size_t at = 0; (at = example.find("\n#", at)) != example.npos; ++at) {
    if (example[at + 2] != ' ') example.erase(at + 1, 1);
  }
  for (unsigned round = 0; round < kRounds / 4; ++round) {
    check_config(Scribbler(round).damaged(example), round);
  }
}

TEST(OptionsFuzz, WordsInAnyOrderAreRightOrSayWhere) {
  const auto known = known_words();
  for (unsigned round = 0; round < kRounds; ++round) {
    check_config(Scribbler(round).words(40, known), round);
  }
}

TEST(OptionsFuzz, EveryOptionTakesOrRefusesAnyText) {
  const auto known = known_words();
  Options options = default_options();
  for (unsigned round = 0; round < kRounds; ++round) {
    Scribbler scribbler(round);
    const Option& option = option_table()[scribbler.below(option_table().size())];
    const std::string text =
        scribbler.below(2) == 0 ? scribbler.bytes(20) : scribbler.words(3, known);
    const auto set = set_option(options, option, text);
    if (!set) {
      EXPECT_TRUE(set.error().message.starts_with(option.name)) << "round " << round;
    }
    EXPECT_TRUE(apply_setting(text, options) ||
                !apply_setting(text, options).error().message.empty());
    const auto mount = apply_mount_options(text, options);
    if (!mount) {
      EXPECT_TRUE(mount.error().message.starts_with("-o: ")) << "round " << round;
    }
    const auto environment = apply_environment({{"AUGURFS_" + text, text}}, options);
    if (!environment) {
      EXPECT_TRUE(environment.error().message.starts_with("environment variable ")) << round;
    }
  }
}

TEST(OptionsFuzz, AnyCommandLineIsUnderstoodOrRefused) {
  const std::vector<std::string> known = {
      "mount",   "unmount",   "status",   "config",    "version",     "--help",
      "-h",      "--version", "-f",       "-o",        "--set",       "--json",
      "--check", "--example", "--config", "/dev/null", "--",          "-",
      "",        "s3://b",    "/mnt",     "ro",        "uid=1",       "cache.size=1G",
      "=",       "[a,b]",     "-fo",      "-ouid=1",   "--set=uid=1", "--markdown",
      "--f",     "{}",        "'",        "\"",        "+",           "++",
      "%%"};
  for (unsigned round = 0; round < kRounds; ++round) {
    Scribbler scribbler(round);
    std::vector<std::string> words;
    for (std::size_t i = scribbler.below(7); i > 0; --i) {
      words.push_back(scribbler.below(10) == 0 ? scribbler.bytes(5)
                                               : known[scribbler.below(known.size())]);
    }
    const auto command = parse_command_line(words, {});
    if (!command) {
      EXPECT_FALSE(command.error().message.empty()) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace augurfs
