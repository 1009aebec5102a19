#include "fs/option_docs.h"

#include <algorithm>
#include <string_view>

#include "fs/option_table.h"

namespace augurfs {
namespace {

constexpr std::size_t kLineCharsMax = 90;

// `text` in lines that each begin with `indent`.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string lines;
  std::string line(indent);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kLineCharsMax) {
      lines += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return lines + line + "\n";
}

std::string without_backticks(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '`') plain += c;
  }
  return plain;
}

std::string_view first_sentence(std::string_view text) {
  const std::size_t end = text.find(". ");
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

template <typename Visit>
void for_each_option_of(const OptionSection& section, Visit visit) {
  for (const Option& option : option_table()) {
    if (option.section() == section.name) visit(option);
  }
}

constexpr std::string_view kPageIntroduction = R"(# Configuration

This page is printed by `augurfs config --markdown`, from the table that the program itself reads
(`fs/option_table.cc`). `augurfs config --example` prints the same as a config file to start from.

## Where a value comes from

The first of these that says something counts, for each option by itself:

1. the command line: `--set section.key=value`, then `-o key=value,...`;
2. the environment: `AUGURFS_SECTION_KEY`, for example `AUGURFS_REMOTE_ENDPOINT`;
3. the config file: the one that `--config FILE` names, else
   `~/.config/augurfs/augurfs.toml` (`XDG_CONFIG_HOME` is honoured), else
   `/etc/augurfs/augurfs.toml`. Only one file is read; `--config /dev/null` reads none;
4. the default.

```toml
# ~/.config/augurfs/augurfs.toml
[remote]
endpoint = "http://localhost:7480"

[cache]
size = "20 GiB"
```

An option that does not exist, or a value that an option does not take, is an error wherever it
stands; nothing is mounted then. `augurfs config --check FILE` says whether a file is right. An
environment variable that begins with `AUGURFS_` and the name of a section must name an option.

Credentials are not options, since others can read a command line and often a config file.
They come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` (`AWS_SESSION_TOKEN`), a web identity,
`~/.aws/credentials` and `~/.aws/config` with `credential_process`, or the role of the machine.

## How values are written

| | |
|---|---|
| sizes | `"20 GiB"`, `"512M"` (powers of 1024), `"500 MB"` (powers of 1000), a number of bytes |
| shares | `"10%"` of the disk that the cache lies on |
| durations | `"250 ms"`, `"30 s"`, `"5 min"`, `"1.5 h"`, `"2 d"`; never without a unit |
| permissions | `"0644"` or `0o644` |
| true or false | in the file `true` and `false`; elsewhere also `yes`, `no`, `on`, `off`, `1`, `0` |
| paths | absolute, since the daemon leaves the directory it was started in |

Quotes are for the file only: `--set cache.size=20GiB`.

## `-o`, /etc/fstab and mount(8)

`-o` takes the names of this page, with or without the section: `-o allow_other,cache.size=20GiB`. A
name alone means true. A value with a comma in it goes through `--set`. What mount(8) adds
(`rw`, `ro`, `defaults`, `noauto`, `_netdev`, `user`, `nofail`, `dev`, `suid`, `x-systemd.automount`
and their like) is accepted and means nothing here: with `rw` too a mount is read-only. `noexec` is
refused, since nothing here would hold to it; mount(8) adds it to `user`, so write `user,exec`. A line of
/etc/fstab, for which the program must be in a directory where mount(8) looks, such as /usr/bin:

    s3://bucket/prefix  /mnt/data  fuse.augurfs  _netdev,allow_other,region=eu-central-1  0  0
)";

}  // namespace

std::string config_example() {
  std::string text =
      "# augurfs.toml: every option with its default. Take the '#' off a line to change it.\n"
      "# Read from ~/.config/augurfs/augurfs.toml, else from /etc/augurfs/augurfs.toml.\n";
  for (const OptionSection& section : option_sections()) {
    text += "\n" + wrapped(without_backticks(section.documentation), "# ");
    text += "[" + std::string(section.name) + "]\n";
    for_each_option_of(section, [&](const Option& option) {
      text += "\n" + wrapped(without_backticks(option.documentation), "# ");
      text += wrapped("Takes " + option.value.accepts + ".", "# ");
      text += "#" + std::string(option.key()) + " = " + toml_literal(option, option.default_value) +
              "\n";
    });
  }
  return text;
}

std::string configuration_page() {
  std::string text(kPageIntroduction);
  for (const OptionSection& section : option_sections()) {
    text += "\n## [" + std::string(section.name) + "]\n\n" + wrapped(section.documentation, "");
    for_each_option_of(section, [&](const Option& option) {
      text += "\n### `" + std::string(option.name) + "`\n\n" + wrapped(option.documentation, "");
      text += "\n* default: `" + toml_literal(option, option.default_value) + "`\n";
      text += "* takes: " + option.value.accepts + "\n";
      text += "* environment: `" + option.environment_name() + "`\n";
    });
  }
  return text;
}

std::string options_summary() {
  std::string text;
  for (const Option& option : option_table()) {
    text += "  " + std::string(option.name) + " = " + toml_literal(option, option.default_value) +
            "\n" + wrapped(without_backticks(first_sentence(option.documentation)), "      ");
  }
  return text;
}

}  // namespace augurfs
