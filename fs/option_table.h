#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/options.h"
#include "remote/result.h"

namespace augurfs {

// How a value is written in a config file; everywhere else it is just text.
enum class OptionType : std::uint8_t {
  kText,      // a string
  kBoolean,   // true or false
  kNumber,    // an integer
  kSize,      // a string, or an integer: bytes
  kDuration,  // a string
  kMode,      // a string, or an octal integer (0o644)
};

// What an option takes and where it goes.
struct OptionValue {
  OptionType type = OptionType::kText;
  // Stands behind "wants": "a size from 4 KiB to 64 MiB such as 1 MiB".
  std::string accepts;
  // Sets it; false, with nothing set, when this text is not accepted.
  std::function<bool(Options& options, std::string_view text)> assign;
};

// One option. Its row in the table is the only place that says what it is called, what it means
// and what it takes: config file, environment, command line, help, example file and documentation
// page are all made from it.
struct Option {
  std::string_view name;           // "section.key"
  std::string_view default_value;  // as text, which `value` accepts
  OptionValue value;
  std::string_view documentation;  // plain sentences; the first stands alone in --help

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view key() const { return name.substr(name.find('.') + 1); }
  std::string environment_name() const;  // "AUGURFS_CACHE_SIZE"
};

struct OptionSection {
  std::string_view name;
  std::string_view documentation;
};

// In the order in which they are documented; the options of a section stand together.
const std::vector<Option>& option_table();
const std::vector<OptionSection>& option_sections();

// `name` is "section.key" or the key alone where only one section has it; nullptr when unknown.
const Option* find_option(std::string_view name);

// What to say of a name that is no option: the nearest one, or, for a secret, where those go.
Error unknown_option(std::string_view name);

// Sets one option from text; kInvalid saying what it wants.
Result<void> set_option(Options& options, const Option& option, std::string_view text);

// The value as it stands in a config file: true, 32, "1 MiB".
std::string toml_literal(const Option& option, std::string_view text);

// Every option at its default.
Options default_options();

// What no option decides by itself, once all are set.
Result<void> check_together(const Options& options);

// Text from outside as it may stand in a message: with a '?' for each character that would leave
// the line or steer the terminal.
std::string one_line(std::string_view text);
// The same in quotes, of bounded length, and hidden when it looks like a URL with a password in it.
std::string shown(std::string_view text);

}  // namespace augurfs
