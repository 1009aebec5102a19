#include "fs/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <string_view>

#include "fs/config_file.h"
#include "fs/default_paths.h"
#include "fs/edit_distance.h"
#include "fs/option_docs.h"
#include "fs/option_sources.h"
#include "fs/option_table.h"
#include "fs/units.h"

namespace augurfs {
namespace {

constexpr const char* kMainFooter = R"(
Examples:
  augurfs mount s3://bucket/prefix /mnt/data    mount a bucket
  augurfs status                                what the mounts are doing
  augurfs explain /mnt/data/file                what is cached of a file, and why
  augurfs prefetch pause 10min                  fetch nothing ahead for a while
  augurfs hint /mnt/data < files                fetch these just in time, in this order
  augurfs history wipe                          forget what programs read
  augurfs profile record /mnt/data -- make      what a program reads, for another machine
  augurfs unmount /mnt/data                     take it away
  augurfs config --example                      a config file to start from
  augurfs replay trace.csv                      what prefetching would have done for a trace

augurfs COMMAND --help explains one command.)";

constexpr const char* kMountFooter = R"(
Examples:
  augurfs mount s3://bucket /mnt/data
  augurfs mount s3://bucket/prefix /mnt/data -o allow_other,cache.size=20GiB
  augurfs mount s3://bucket /mnt/data --set remote.endpoint=http://localhost:7480
  augurfs mount file:///srv/data /mnt/data -f

Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or the
machine's role. A flag counts more than the environment (AUGURFS_CACHE_SIZE for cache.size), that
more than the config file, that more than the default.

Options for -o and --set, with their defaults:
)";

constexpr const char* kUnmountFooter = R"(
Examples:
  augurfs unmount /mnt/data
  augurfs unmount --force /mnt/data     its daemon hangs

The same as `umount` for root and `fusermount3 -u` for other users. The cache stays and is warm when
the bucket is mounted again. With --force the drive leaves the tree at once, reads of it that are under
way fail, and a daemon that does not end within 5 s is killed, which costs the cache nothing.)";

constexpr const char* kStatusFooter = R"(
Examples:
  augurfs status
  augurfs status /mnt/data --json)";

constexpr const char* kExplainFooter = R"(
Examples:
  augurfs explain /mnt/data/table.parquet
  augurfs explain /mnt/data/table.parquet --json

Tells of each chunk of the file whether it is cached and how it came: asked for, or fetched ahead, by
which expert, for which program, how likely that thought it. Of what was fetched ahead, whether it was
there in time, late or wasted; of what is gone, why. The last 16,384 chunks of a mount are remembered.)";

constexpr const char* kHistoryFooter = R"(
Examples:
  augurfs history show
  augurfs history export /mnt/data > trace.csv
  augurfs history wipe --cache ~/.cache/augurfs/bucket

The history stays on this machine. An export holds the names of objects and programs, and when they
were used; no user, no host.)";

constexpr const char* kPrefetchFooter = R"(
Examples:
  augurfs prefetch pause 10min
  augurfs prefetch off /mnt/data
  augurfs prefetch shadow /mnt/data
  augurfs prefetch report --by dir

A switch lasts until the mount ends; prefetch.mode says how it begins. A report tells of what was
fetched ahead since then: used (there in time), late (asked for on its way), wasted (gone unused),
resident (cached, and not asked for yet), and how long programs would have waited without it. In shadow
nothing is fetched ahead, and the report says what would have become of it, at the pace that the store
is measured to have; that is the most it can be, as programs that wait come later to the next read.)";

constexpr const char* kHintFooter = R"(
Examples:
  find /mnt/data -name '*.jpg' | shuf | tee order | augurfs hint /mnt/data
  augurfs hint /mnt/data --replace < order
  augurfs hint /mnt/data --clear

One path a line, in the order in which they will be read; behind a tab OFFSET, a tab and LENGTH when
only a part will be. Paths are below DIR, with or without it in front. What is announced is fetched
just before its turn: never more ahead than an eighth of the cache, and only while prefetching is on.
`augurfs status` says how far it is.)";

constexpr const char* kProfileFooter = R"(
Examples:
  augurfs profile record /mnt/data --output train.profile -- python3 train.py
  augurfs profile export /mnt/data --program 'python*' --under src --output src.profile
  augurfs profile show train.profile
  augurfs profile merge train.profile src.profile --output both.profile
  augurfs profile import /mnt/data both.profile

What was learned of programs or directories, as a file: where it is imported, the first run is as
quick as the next one would be. Paths in it are relative to the mount. It tells the names of files and
programs and the day; no user, no machine, no bucket unless --source asks for it. An import holds at
once and on later mounts, and `augurfs history wipe` forgets it. docs/profiles.md says more.)";

constexpr const char* kConfigFooter = R"(
Examples:
  mkdir -p ~/.config/augurfs
  augurfs config --example > ~/.config/augurfs/augurfs.toml
  augurfs config --check ~/.config/augurfs/augurfs.toml)";

constexpr const char* kReplayFooter = R"(
Examples:
  augurfs replay trace.csv.zst
  augurfs replay trace.csv --policy none-s3fifo,ppm3,oracle --rtt-ms 30 --cache 10%
  augurfs replay block.csv.gz --chunk 4KiB --think-ms 1 --json result.json

docs/traces.md says what a trace looks like and what is simulated. Policies:
)";

std::string version_text() { return "augurfs " AUGURFS_VERSION "\n"; }

struct ReplayWords {
  std::vector<std::filesystem::path> traces;
  std::vector<std::string> policies;
  double round_trip_ms = 80;
  double mbit = 200;
  double think_ms = 0;
  std::string cache = "5%";
  std::string chunk = "1MiB";
  std::uint64_t seed = 1;
  std::uint64_t warmup = 0;
  std::vector<std::string> without;
  double threshold = ReplayOptions().gate_probability_min;
  bool skip_bad = false;
  std::string json_file;
};

// What was typed, before it is known whether the options in it exist.
struct Words {
  std::string url;
  std::string directory;
  std::string file;
  bool foreground = false;
  bool json = false;
  bool force = false;
  std::string config_file;
  std::vector<std::string> settings;       // --set
  std::vector<std::string> mount_options;  // -o
  bool example = false;
  bool page = false;
  std::string file_to_check;
  ReplayWords replay;
  std::string cache_directory;
  std::string pause;
  std::string by = "expert";
  bool replace = false;
  bool clear = false;
  bool null_separated = false;
  std::vector<std::filesystem::path> files;
  std::string output;
  std::string programs;
  std::string under;
  std::string age;
  bool source = false;
  std::vector<std::string> command;
};

CLI::App* add_mount(CLI::App& app, Words& words) {
  CLI::App* mount = app.add_subcommand("mount", "Mounts a bucket as a drive");
  mount->footer(kMountFooter + options_summary());
  mount->add_option("URL", words.url, "s3://bucket/prefix or file:///directory")->required();
  mount->add_option("DIR", words.directory, "The directory to mount on")->required();
  mount->add_flag("-f,--foreground", words.foreground, "Stay in front, with the log on stderr");
  mount
      ->add_option("--config", words.config_file,
                   "The config file, instead of ~/.config/augurfs/augurfs.toml or "
                   "/etc/augurfs/augurfs.toml")
      ->type_name("FILE");
  // One word for each -o and --set: by itself CLI11 would go on taking the words behind it.
  mount->add_option("-o", words.mount_options, "Options in the manner of mount(8)")
      ->type_name("NAME=VALUE,...")
      ->allow_extra_args(false);
  mount->add_option("--set", words.settings, "Sets one option; counts more than -o")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  return mount;
}

CLI::App* add_unmount(CLI::App& app, Words& words) {
  CLI::App* unmount = app.add_subcommand("unmount", "Takes a mount away");
  unmount->footer(kUnmountFooter);
  unmount->add_option("DIR", words.directory, "The directory it is mounted on")->required();
  unmount->add_flag("--force", words.force,
                    "Also when programs use it or its daemon does not answer");
  return unmount;
}

CLI::App* add_status(CLI::App& app, Words& words) {
  CLI::App* status = app.add_subcommand("status", "Shows what mounts are doing");
  status->footer(kStatusFooter);
  status->add_option("DIR", words.directory, "One mount; without it all of yours");
  status->add_flag("--json", words.json, "For programs");
  return status;
}

CLI::App* add_explain(CLI::App& app, Words& words) {
  CLI::App* explain = app.add_subcommand("explain", "Says what is cached of a file, and why");
  explain->footer(kExplainFooter);
  explain->add_option("FILE", words.file, "A file on a mount")->required();
  explain->add_flag("--json", words.json, "For programs");
  return explain;
}

CLI::App* add_history(CLI::App& app, Words& words) {
  CLI::App* history = app.add_subcommand("history", "Shows or forgets what was learned from");
  history->footer(kHistoryFooter);
  history->require_subcommand(1);
  for (const auto& [name, what] :
       {std::pair{"show", "How much is remembered, of when, of which programs"},
        std::pair{"export", "Prints every access as a trace (CSV)"},
        std::pair{"wipe", "Forgets all of it, also while it is mounted"}}) {
    CLI::App* action = history->add_subcommand(name, what);
    CLI::Option* directory = action->add_option(
        "DIR", words.directory, "The mount point; not needed when there is one mount");
    action->add_option("--cache", words.cache_directory, "The cache directory, mounted or not")
        ->type_name("DIR")
        ->excludes(directory);
  }
  return history;
}

CLI::App* add_prefetch(CLI::App& app, Words& words) {
  CLI::App* prefetch = app.add_subcommand("prefetch", "Switches fetching ahead, while mounted");
  prefetch->footer(kPrefetchFooter);
  prefetch->require_subcommand(1);
  for (const auto& [name, what] :
       {std::pair{"on", "Fetches ahead"}, std::pair{"off", "Fetches only what is asked for"},
        std::pair{"shadow", "Fetches only what is asked for, and tells what it would have"},
        std::pair{"pause", "Fetches only what is asked for, for some time"},
        std::pair{"report", "What became of what was fetched ahead"}}) {
    CLI::App* action = prefetch->add_subcommand(name, what);
    if (std::string_view(name) == "pause") {
      action->add_option("TIME", words.pause, "For how long, such as 10min")->required();
    }
    if (std::string_view(name) == "report") {
      action->add_option("--by", words.by, "One line for each expert, program or directory")
          ->type_name("expert|exe|dir")
          ->check(CLI::IsMember({"expert", "exe", "dir"}));
      action->add_flag("--json", words.json, "For programs");
    }
    action->add_option("DIR", words.directory,
                       "The mount point; not needed when there is one mount");
  }
  return prefetch;
}

CLI::App* add_hint(CLI::App& app, Words& words) {
  CLI::App* hint = app.add_subcommand("hint", "Announces reads in the order they will come");
  hint->footer(kHintFooter);
  hint->add_option("DIR", words.directory, "The mount point")->required();
  CLI::Option* replace =
      hint->add_flag("--replace", words.replace, "In place of what is waiting, not behind it");
  hint->add_flag("--clear", words.clear,
                 "Forget what is waiting; reads nothing from standard input")
      ->excludes(replace);
  hint->add_flag("-0,--null", words.null_separated,
                 "A zero byte ends a path, as find -print0 does");
  return hint;
}

void add_output(CLI::App& action, Words& words, const char* otherwise) {
  action
      .add_option("-o,--output", words.output,
                  std::string("The file to write; without it ") + otherwise)
      ->type_name("FILE");
}

void add_source(CLI::App& action, Words& words) {
  action.add_flag("--source", words.source, "Tell the URL of the mount in it");
}

CLI::App* add_profile(CLI::App& app, Words& words) {
  CLI::App* profile =
      app.add_subcommand("profile", "Carries what was learned to another machine, as a file");
  profile->footer(kProfileFooter);
  profile->require_subcommand(1);
  CLI::App* record = profile->add_subcommand("record", "Runs a program and keeps what it reads");
  record->add_option("DIR", words.directory, "The mount point")->required();
  record->add_option("COMMAND", words.command, "Behind --: the program and its arguments")
      ->required();
  add_output(*record, words, "PROGRAM.profile");
  add_source(*record, words);
  CLI::App* give = profile->add_subcommand("export", "Writes what a mount knows, or a part of it");
  give->add_option("DIR", words.directory, "The mount point; not needed when there is one mount");
  give->add_option("--program", words.programs, "Only of programs with such names")
      ->type_name("GLOB,...");
  give->add_option("--under", words.under, "Only of what lies there")->type_name("PATH");
  give->add_option("--max-age", words.age, "Only of the last so many days, such as 7d")
      ->type_name("TIME");
  add_output(*give, words, "standard output");
  add_source(*give, words);
  CLI::App* take = profile->add_subcommand("import", "Lets a mount know it from now on");
  take->add_option("DIR", words.directory, "The mount point")->required();
  take->add_option("FILE", words.files, "The profile")->required()->expected(1);
  take->add_flag("--force", words.force, "Also when it was made on another bucket");
  CLI::App* merge = profile->add_subcommand("merge", "Makes one of several");
  merge->add_option("FILE", words.files, "The profiles")->required();
  add_output(*merge, words, "standard output");
  CLI::App* show = profile->add_subcommand("show", "Says what is in one");
  show->add_option("FILE", words.files, "The profile")->required()->expected(1);
  return profile;
}

CLI::App* add_config(CLI::App& app, Words& words) {
  CLI::App* config = app.add_subcommand("config", "Prints or checks a config file");
  config->footer(kConfigFooter);
  config->add_flag("--example", words.example,
                   "Print a config file with every option, what it means and its default");
  config->add_option("--check", words.file_to_check, "Say whether a config file is right")
      ->type_name("FILE");
  // For docs/configuration.md only, so in no help.
  config->add_flag("--markdown", words.page)->group("");
  return config;
}

CLI::App* add_replay(CLI::App& app, ReplayWords& words) {
  constexpr double kMsMax = 1e6;
  constexpr double kMbitMax = 1e6;
  CLI::App* replay = app.add_subcommand("replay", "Runs traces of accesses in a simulation");
  std::string summary = kReplayFooter;
  for (const Policy& policy : policies()) {
    std::string name(policy.name);
    name.resize(std::max<std::size_t>(name.size(), 14), ' ');
    summary += "  " + name + std::string(policy.summary) + "\n";
  }
  replay->footer(summary);
  replay->add_option("TRACE", words.traces, "CSV, also packed by zstd or gzip; - is standard input")
      ->required();
  replay->add_option("--policy", words.policies, "Which to run; all of them by default")
      ->type_name("NAME,...")
      ->delimiter(',');
  replay->add_option("--rtt-ms", words.round_trip_ms, "Round trip of a request; 80")
      ->type_name("MS")
      ->check(CLI::Range(0.001, kMsMax));
  replay->add_option("--mbit", words.mbit, "Bandwidth in Mbit/s; 200")
      ->type_name("MBIT")
      ->check(CLI::Range(0.001, kMbitMax));
  replay->add_option("--cache", words.cache, "Bytes, or a share of all that the trace reads; 5%")
      ->type_name("SIZE");
  replay->add_option("--chunk", words.chunk, "What is fetched and kept as one; 1MiB")
      ->type_name("SIZE");
  replay->add_option("--seed", words.seed, "For policies that draw lots; 1")
      ->check(CLI::NonNegativeNumber);
  replay->add_option("--warmup", words.warmup, "Reads before counting begins; 0")
      ->check(CLI::NonNegativeNumber);
  replay->add_option("--think-ms", words.think_ms, "Between requests where no times are given; 0")
      ->type_name("MS")
      ->check(CLI::Range(0.0, kMsMax));
  replay
      ->add_option("--without", words.without,
                   "What is left out: experts that gate and hedge weigh, staging in the cache, or "
                   "the neural model's calibration")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(ablations().begin(), ablations().end())));
  replay
      ->add_option("--threshold", words.threshold,
                   "Probability from which gate and neural prefetch; 0.3")
      ->type_name("P")
      ->check(CLI::Range(0.0, 1.0));
  replay->add_flag("--skip-bad", words.skip_bad, "Count lines that cannot be read and go on");
  replay->add_option("--json", words.json_file, "Write one object a line for each trace and policy")
      ->type_name("FILE");
  return replay;
}

Result<Command> replay_command(const ReplayWords& words) {
  constexpr double kNsPerMs = 1e6;
  constexpr double kBitsPerMbit = 1e6;
  constexpr std::uint64_t kChunkMax = 1 << 30;
  ReplayCommand command;
  ReplayOptions& options = command.options;
  options.traces = words.traces;
  options.policies = words.policies;
  options.link.round_trip = Tick(std::llround(words.round_trip_ms * kNsPerMs));
  options.link.bits_per_s = static_cast<std::uint64_t>(std::llround(words.mbit * kBitsPerMbit));
  options.think = Tick(std::llround(words.think_ms * kNsPerMs));
  const auto cache = parse_size_or_share(words.cache);
  if (!cache || (cache->bytes == 0 && cache->share == 0)) {
    return Error{ErrorCode::kInvalid, "--cache " + shown(words.cache) +
                                          " is neither a size, as in 64MiB, nor a share, as in 5%"};
  }
  options.cache_bytes = cache->bytes;
  options.cache_share = cache->share;
  const auto chunk = parse_size(words.chunk);
  if (!chunk || !std::has_single_bit(*chunk) || *chunk < 512 || *chunk > kChunkMax) {
    return Error{ErrorCode::kInvalid,
                 "--chunk " + shown(words.chunk) + " is no power of two from 512 B to 1 GiB"};
  }
  options.chunk_bytes = static_cast<std::uint32_t>(*chunk);
  options.seed = words.seed;
  options.warmup = words.warmup;
  options.without = words.without;
  options.gate_probability_min = words.threshold;
  options.skip_bad = words.skip_bad;
  for (const auto& name : words.policies) {
    if (find_policy(name) == nullptr) {
      return Error{ErrorCode::kInvalid,
                   "no policy is called " + shown(name) + "; there are " + policy_names()};
    }
  }
  if (!words.json_file.empty()) command.json_file = words.json_file;
  return command;
}

Result<Command> mount_command(const Words& words, bool has_config_file,
                              const Environment& environment) {
  MountCommand command{.url = words.url,
                       .directory = words.directory,
                       .foreground = words.foreground,
                       .options = default_options()};
  Options& options = command.options;
  auto applied = has_config_file
                     ? apply_config_file(words.config_file, options)
                     : apply_first_config_file(default_config_files(environment), options);
  if (applied) applied = apply_environment(environment, options);
  for (const auto& list : words.mount_options) {
    if (applied) applied = apply_mount_options(list, options);
  }
  for (const auto& setting : words.settings) {
    if (applied) applied = apply_setting(setting, options);
  }
  if (applied) applied = check_together(options);
  if (!applied) return applied.error();
  return command;
}

Result<Command> config_command(const Words& words, bool checks_file) {
  const int asked = (words.example ? 1 : 0) + (words.page ? 1 : 0) + (checks_file ? 1 : 0);
  if (asked != 1) {
    return Error{ErrorCode::kInvalid,
                 "config wants either --example or --check FILE; see augurfs config --help"};
  }
  if (words.example) return PrintCommand{config_example()};
  if (words.page) return PrintCommand{configuration_page()};
  Options options = default_options();
  auto applied = apply_config_file(words.file_to_check, options);
  if (applied) applied = check_together(options);
  if (!applied) return applied.error();
  return PrintCommand{words.file_to_check + ": every option in it is right\n"};
}

std::optional<std::filesystem::path> optional_path(const std::string& word) {
  return word.empty() ? std::nullopt : std::optional<std::filesystem::path>(word);
}

HistoryCommand history_command(const CLI::App& history, const Words& words) {
  using Action = HistoryCommand::Action;
  const std::string& name = history.get_subcommands().front()->get_name();
  const Action action = name == "wipe"     ? Action::kWipe
                        : name == "export" ? Action::kExport
                                           : Action::kShow;
  return {action, optional_path(words.directory), optional_path(words.cache_directory)};
}

Result<Command> prefetch_command(const CLI::App& prefetch, const Words& words) {
  using Action = PrefetchCommand::Action;
  constexpr std::chrono::hours kPauseMax{24 * 365};
  const std::string& name = prefetch.get_subcommands().front()->get_name();
  PrefetchCommand command;
  command.action = name == "on"       ? Action::kOn
                   : name == "off"    ? Action::kOff
                   : name == "shadow" ? Action::kShadow
                   : name == "report" ? Action::kReport
                                      : Action::kPause;
  command.directory = optional_path(words.directory);
  command.by = words.by;
  command.json = words.json;
  if (command.action != Action::kPause) return command;
  const auto time = parse_duration(words.pause);
  if (!time || *time > kPauseMax) {
    return Error{ErrorCode::kInvalid,
                 "prefetch pause wants a duration such as 10min, up to 365 d, "
                 "not " +
                     shown(words.pause)};
  }
  command.pause = *time;
  return command;
}

Result<Command> profile_command(const CLI::App& profile, const Words& words) {
  using Action = ProfileCommand::Action;
  const std::string& name = profile.get_subcommands().front()->get_name();
  ProfileCommand command;
  command.action = name == "record"   ? Action::kRecord
                   : name == "export" ? Action::kExport
                   : name == "import" ? Action::kImport
                   : name == "merge"  ? Action::kMerge
                                      : Action::kShow;
  command.directory = optional_path(words.directory);
  command.files = words.files;
  command.output = optional_path(words.output);
  command.programs = words.programs;
  command.under = words.under;
  command.source = words.source;
  command.force = words.force;
  command.command = words.command;
  if (words.age.empty()) return command;
  command.age = parse_duration(words.age);
  if (!command.age) {
    return Error{ErrorCode::kInvalid,
                 "--max-age wants a duration such as 7d, not " + shown(words.age)};
  }
  return command;
}

// For a first word that is no command. CLI11 would only call it unexpected.
Result<void> check_command(const std::string& word, const CLI::App& app) {
  std::string nearest;
  std::string known;
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    if (name == word) return {};
    known += (known.empty() ? "" : ", ") + name;
    if (nearest.empty() || edit_distance(word, name) < edit_distance(word, nearest)) nearest = name;
  }
  return Error{ErrorCode::kInvalid, shown(word) + " is not a command; the nearest is " + nearest +
                                        " (of " + known + "); see augurfs --help"};
}

}  // namespace

Result<Command> parse_command_line(const std::vector<std::string>& arguments,
                                   const Environment& environment) {
  Words words;
  CLI::App app("Mounts a bucket of an object store as a drive, with a cache on the local disk.",
               "augurfs");
  app.footer(kMainFooter);
  // At most one, so that a directory may be called "status".
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", version_text());
  CLI::App* mount = add_mount(app, words);
  CLI::App* unmount = add_unmount(app, words);
  CLI::App* status = add_status(app, words);
  CLI::App* explain = add_explain(app, words);
  CLI::App* history = add_history(app, words);
  CLI::App* prefetch = add_prefetch(app, words);
  CLI::App* hint = add_hint(app, words);
  CLI::App* profile = add_profile(app, words);
  CLI::App* config = add_config(app, words);
  CLI::App* replay = add_replay(app, words.replay);
  CLI::App* version = app.add_subcommand("version", "Prints the version");

  if (arguments.empty()) {
    return Error{ErrorCode::kInvalid, "no command; try augurfs mount URL DIR, or augurfs --help"};
  }
  // mount.fuse, for the type fuse.augurfs in fstab, runs `augurfs URL DIR -o ...`.
  std::vector<std::string> line = arguments;
  if (line.front().find("://") != std::string::npos) line.insert(line.begin(), "mount");
  if (!line.front().starts_with('-')) {
    const auto command = check_command(line.front(), app);
    if (!command) return command.error();
  }
  try {
    // CLI11 takes the words off the end.
    std::reverse(line.begin(), line.end());
    app.parse(line);
  } catch (const CLI::CallForHelp&) {
    return PrintCommand{app.help()};
  } catch (const CLI::CallForVersion&) {
    return PrintCommand{version_text()};
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    return Error{ErrorCode::kInvalid, std::string(error.what()) + "; see augurfs " +
                                          (chosen.empty() ? "" : chosen.front()->get_name() + " ") +
                                          "--help"};
  }
  if (mount->parsed()) return mount_command(words, mount->count("--config") > 0, environment);
  if (unmount->parsed()) return UnmountCommand{words.directory, words.force};
  if (status->parsed()) {
    const bool one = status->count("DIR") > 0;
    return StatusCommand{one ? std::optional<std::filesystem::path>(words.directory) : std::nullopt,
                         words.json};
  }
  if (explain->parsed()) return ExplainCommand{words.file, words.json};
  if (history->parsed()) return history_command(*history, words);
  if (prefetch->parsed()) return prefetch_command(*prefetch, words);
  if (hint->parsed()) {
    return HintCommand{words.directory, words.replace, words.clear, words.null_separated};
  }
  if (profile->parsed()) return profile_command(*profile, words);
  if (config->parsed()) return config_command(words, config->count("--check") > 0);
  if (replay->parsed()) return replay_command(words.replay);
  if (version->parsed()) return PrintCommand{version_text()};
  return Error{ErrorCode::kInvalid, "no command; see augurfs --help"};
}

}  // namespace augurfs
