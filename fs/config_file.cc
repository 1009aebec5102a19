#include "fs/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "fs/edit_distance.h"
#include "fs/option_table.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

// The example file has 10 KiB. What is bigger is something else, perhaps without an end.
constexpr std::size_t kFileBytesMax = 1 << 20;
// More than these nobody reads at once.
constexpr std::size_t kProblemsMax = 20;

// What is wrong with a text, and where.
class Problems {
 public:
  explicit Problems(std::string name) : name_(std::move(name)) {}

  void add(const toml::source_region& where, std::string what) {
    found_.push_back({where.begin.line, where.begin.column, std::move(what)});
  }

  Result<void> result() {
    if (found_.empty()) return {};
    std::stable_sort(found_.begin(), found_.end(), [](const Problem& a, const Problem& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    std::string message;
    for (std::size_t i = 0; i < std::min(found_.size(), kProblemsMax); ++i) {
      const Problem& problem = found_[i];
      if (i > 0) message += '\n';
      message += name_ + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column) +
                 ": " + problem.what;
    }
    if (found_.size() > kProblemsMax) {
      message += "\n" + name_ + ": and " + std::to_string(found_.size() - kProblemsMax) + " more";
    }
    return Error{ErrorCode::kInvalid, message};
  }

 private:
  struct Problem {
    std::uint64_t line;
    std::uint64_t column;
    std::string what;
  };
  std::string name_;
  std::vector<Problem> found_;
};

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none:
      return "nothing";
    case toml::node_type::table:
      return "a section";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a number";
    case toml::node_type::floating_point:
      return "a number with decimals";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time";
    case toml::node_type::date_time:
      return "a date and time";
  }
  return "something else";
}

// The value as text when the option may be written with this TOML type at all. A number stands for
// itself only where it needs no unit, and for permissions only when written in octal: 644 would be
// 1204.
std::optional<std::string> text_of(const toml::node& node, const Option& option) {
  const OptionType type = option.value.type;
  if (const auto* string = node.as_string()) {
    // "true" and "32" are strings, not values of these types; "auto" is.
    const bool bare = toml_literal(option, string->get()) == string->get();
    return bare ? std::nullopt : std::optional(string->get());
  }
  if (const auto* boolean = node.as_boolean(); boolean != nullptr && type == OptionType::kBoolean) {
    return boolean->get() ? "true" : "false";
  }
  if (const auto* integer = node.as_integer()) {
    if (type == OptionType::kNumber || type == OptionType::kSize) {
      return std::to_string(integer->get());
    }
    // The bits of "hexadecimal" are those of "binary" and "octal" together.
    const bool octal = (integer->flags() & toml::value_flags::format_as_hexadecimal) ==
                       toml::value_flags::format_as_octal;
    if (type == OptionType::kMode && octal && integer->get() >= 0) {
      std::array<char, 32> digits{};
      std::snprintf(digits.data(), digits.size(), "%llo",
                    static_cast<unsigned long long>(integer->get()));
      return digits.data();
    }
  }
  return std::nullopt;
}

void apply_option(const std::string& name, const toml::key& key, const toml::node& node,
                  Options& options, Problems& problems) {
  // The full name only: a bare key would find an option of another section.
  const Option* option = find_option(name);
  if (option == nullptr || option->name != name) {
    problems.add(key.source(), unknown_option(name).message);
    return;
  }
  const auto text = text_of(node, *option);
  if (!text) {
    problems.add(node.source(), name + " wants " + option->value.accepts + ", not " +
                                    (node.is_string() ? "a string" : type_name(node)));
    return;
  }
  const auto set = set_option(options, *option, *text);
  if (!set) problems.add(node.source(), set.error().message);
}

std::string nearest_section(std::string_view name) {
  const auto& sections = option_sections();
  const auto nearest =
      std::min_element(sections.begin(), sections.end(), [&](const auto& a, const auto& b) {
        return edit_distance(name, a.name) < edit_distance(name, b.name);
      });
  return std::string(nearest->name);
}

bool is_section(std::string_view name) {
  const auto& sections = option_sections();
  return std::any_of(sections.begin(), sections.end(),
                     [&](const auto& section) { return section.name == name; });
}

void apply_table(const toml::table& table, Options& options, Problems& problems) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto* section = node.as_table();
    if (is_section(name) && section == nullptr) {
      problems.add(key.source(), shown(name) + " is a section, so write it in brackets, once");
    } else if (is_section(name)) {
      for (const auto& [inner_key, value] : *section) {
        apply_option(name + "." + std::string(inner_key.str()), inner_key, value, options,
                     problems);
      }
    } else if (section != nullptr || node.is_array_of_tables()) {
      problems.add(key.source(), shown(name) + " is not a section; the nearest is [" +
                                     nearest_section(name) + "]");
    } else if (const Option* option = find_option(name)) {
      // "size" before any section, or "cache.size" in quotes, which is one key and no path.
      problems.add(key.source(), shown(name) + " stands outside its section: write it below [" +
                                     std::string(option->section()) + "], or " +
                                     std::string(option->name) + " without quotes");
    } else {
      problems.add(key.source(), unknown_option(name).message);
    }
  }
}

Error unreadable(const std::filesystem::path& file, const std::string& why) {
  return {ErrorCode::kInvalid, "cannot read the config file " + file.string() + ": " + why};
}

// nullopt: there is no such file.
Result<std::optional<std::string>> read_file(const std::filesystem::path& file) {
  // O_NONBLOCK: a named pipe must not hold us up. /dev/null is a fine way to say "no file".
  const UniqueFd descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    const bool denied = errno == EACCES;
    std::string why = std::strerror(errno);
    if (denied) why += "; user id " + std::to_string(::geteuid()) + " has to be able to read it";
    return unreadable(file, why);
  }
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return unreadable(file, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return unreadable(file, "it is a directory");
  if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)) {
    return unreadable(file, "it is not an ordinary file");
  }
  std::string text(kFileBytesMax + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(descriptor.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(file, std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kFileBytesMax) return unreadable(file, "it is bigger than 1 MiB");
  text.resize(size);
  return text;
}

}  // namespace

Result<void> apply_config(std::string_view text, const std::string& name, Options& options) {
  Problems problems(name);
  try {
    const toml::table table = toml::parse(text);
    apply_table(table, options, problems);
  } catch (const toml::parse_error& error) {
    // The hint is for `size = 20 GiB`, which everybody writes once.
    problems.add(error.source(),
                 "not valid TOML (text stands in quotes): " + one_line(error.description()));
  }
  return problems.result();
}

Result<void> apply_config_file(const std::filesystem::path& file, Options& options) {
  const auto text = read_file(file);
  if (!text) return text.error();
  if (!*text) return unreadable(file, std::strerror(ENOENT));
  return apply_config(**text, file.string(), options);
}

Result<void> apply_first_config_file(const std::vector<std::filesystem::path>& files,
                                     Options& options) {
  for (const auto& file : files) {
    const auto text = read_file(file);
    if (!text) return text.error();
    if (*text) return apply_config(**text, file.string(), options);
  }
  return {};
}

}  // namespace augurfs
