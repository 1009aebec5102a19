#include "fs/command_line.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using Words = std::vector<std::string>;

// Without a HOME no config file of this machine but /etc/augurfs/augurfs.toml can get in; the
// tests say --config wherever it matters.
Result<Command> parse(const Words& words, const Environment& environment = {}) {
  return parse_command_line(words, environment);
}

std::string refusal(const Words& words, const Environment& environment = {}) {
  const auto command = parse(words, environment);
  if (command) return "";
  EXPECT_EQ(command.error().code, ErrorCode::kInvalid);
  return command.error().message;
}

// `augurfs mount s3://bucket /mnt` with more words behind it, and no config file.
Words mount_with(const Words& more) {
  Words words = {"mount", "s3://bucket", "/mnt", "--config", "/dev/null"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

MountCommand mount_of(const Words& words, const Environment& environment = {}) {
  auto command = parse(words, environment);
  if (!command) {
    ADD_FAILURE() << command.error().message;
    return {};
  }
  return std::get<MountCommand>(*command);
}

std::string printed(const Words& words) {
  const auto command = parse(words);
  EXPECT_TRUE(command) << (command ? "" : command.error().message);
  return command ? std::get<PrintCommand>(*command).text : "";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(CommandLine, AMountNeedsAUrlAndADirectory) {
  const MountCommand command = mount_of({"mount", "s3://bucket/prefix", "some/dir"});
  EXPECT_EQ(command.url, "s3://bucket/prefix");
  EXPECT_EQ(command.directory, "some/dir");
  EXPECT_FALSE(command.foreground);
  EXPECT_TRUE(contains(refusal({"mount", "s3://bucket"}), "DIR is required"));
  EXPECT_TRUE(contains(refusal({"mount"}), "augurfs mount --help"));
  EXPECT_TRUE(contains(refusal({"mount", "s3://bucket", "/mnt", "more"}), "more"));
}

TEST(CommandLine, TheForegroundFlagHasAShortAndALongName) {
  EXPECT_TRUE(mount_of(mount_with({"-f"})).foreground);
  EXPECT_TRUE(mount_of(mount_with({"--foreground"})).foreground);
  EXPECT_TRUE(mount_of({"mount", "-f", "s3://bucket", "/mnt"}).foreground);
}

TEST(CommandLine, SetAndMountOptionsTakeTheSameNames) {
  const MountCommand command =
      mount_of(mount_with({"-o", "allow_other,mount.uid=1000", "-o", "gid=7,ttl=5 s", "--set",
                           "cache.size=20GiB", "--set=remote.endpoint=http://h:1"}));
  EXPECT_TRUE(command.options.mount.allow_other);
  EXPECT_EQ(command.options.mount.uid, 1000U);
  EXPECT_EQ(command.options.mount.gid, 7U);
  EXPECT_EQ(command.options.metadata.ttl, std::chrono::seconds(5));
  EXPECT_EQ(command.options.cache.size.bytes, 20ULL << 30);
  EXPECT_EQ(command.options.remote.endpoint, "http://h:1");
}

TEST(CommandLine, OneOptionTakesOneWordAndLeavesTheNextAlone) {
  const MountCommand command =
      mount_of({"mount", "-o", "ro", "--set", "mount.uid=1", "s3://bucket", "/mnt"});
  EXPECT_EQ(command.url, "s3://bucket");
  EXPECT_EQ(command.directory, "/mnt");
}

TEST(CommandLine, AValueMayHoldSignsThatMeanSomethingElsewhere) {
  // '[' and ']' around a word make it a list for CLI11, '=' parts name from value.
  EXPECT_EQ(mount_of(mount_with({"--set", "remote.profile=[a,b]=c"})).options.remote.profile,
            "[a,b]=c");
  EXPECT_EQ(mount_of({"mount", "file:///a", "[x,y]", "--config", "/dev/null"}).directory, "[x,y]");
}

TEST(CommandLine, WhatMountAddsIsAcceptedAndMeansNothing) {
  const MountCommand command = mount_of(
      mount_with({"-o",
                  "rw,ro,defaults,noauto,_netdev,user,user=joe,nofail,dev,suid,nodev,nosuid,exec,,"
                  "x-systemd.automount,x-systemd.idle-timeout=1min,noatime"}));
  EXPECT_TRUE(command.options.mount.read_only);
}

TEST(CommandLine, AnFstabTypeOfFuseAugurfsNeedsNoCommand) {
  const MountCommand command =
      mount_of({"s3://bucket", "/mnt", "-o", "rw,allow_other,dev,suid", "--config", "/dev/null"});
  EXPECT_EQ(command.url, "s3://bucket");
  EXPECT_TRUE(command.options.mount.allow_other);
}

TEST(CommandLine, AnUnknownOptionNamesTheNearest) {
  EXPECT_TRUE(contains(refusal(mount_with({"--set", "cache.sise=1"})), "nearest is cache.size"));
  const std::string far = refusal(mount_with({"-o", "allow_other,foo"}));
  EXPECT_TRUE(contains(far, "'foo' is not an option; augurfs config --example lists them all"));
  EXPECT_TRUE(contains(refusal(mount_with({"-o", "alow_other"})), "nearest is mount.allow_other"));
  EXPECT_TRUE(contains(refusal(mount_with({"-o", "noexec"})), "write 'user,exec'"));
  EXPECT_NE(refusal(mount_with({"--set", "=1"})), "");
  EXPECT_NE(refusal(mount_with({"--set", ""})), "");
}

TEST(CommandLine, ABadValueNamesItsSourceAndWhatIsWanted) {
  const std::string set = refusal(mount_with({"--set", "remote.max_connections=0"}));
  EXPECT_EQ(set, "--set: remote.max_connections wants a whole number from 1 to 1024, not '0'");
  EXPECT_TRUE(refusal(mount_with({"-o", "uid=joe"})).starts_with("-o: mount.uid wants"));
  EXPECT_TRUE(contains(refusal(mount_with({"-o", "uid"})), "no value"));
  // Only behind -o does a name alone mean true.
  EXPECT_TRUE(contains(refusal(mount_with({"--set", "allow_other"})), "no value"));
}

TEST(CommandLine, AFlagCountsMoreThanTheEnvironmentThanTheFileThanTheDefault) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[mount]\nuid = 1\ngid = 1\nthreads = 1\n");
  const Environment environment = {{"AUGURFS_MOUNT_UID", "2"}, {"AUGURFS_MOUNT_GID", "2"}};
  const auto options =
      mount_of({"mount", "s3://bucket", "/mnt", "--config", file, "-o", "uid=3"}, environment)
          .options;
  EXPECT_EQ(options.mount.uid, 3U);
  EXPECT_EQ(options.mount.gid, 2U);
  EXPECT_EQ(options.mount.threads, 1);
  EXPECT_EQ(options.mount.file_mode, 0644U);
}

TEST(CommandLine, SetCountsMoreThanMountOptionsAndTheLastOfEachWins) {
  const auto options = mount_of(mount_with({"--set", "mount.uid=1", "--set", "mount.uid=2", "-o",
                                            "uid=3,gid=3", "-o", "gid=4"}))
                           .options;
  EXPECT_EQ(options.mount.uid, 2U);
  EXPECT_EQ(options.mount.gid, 4U);
}

TEST(CommandLine, AnOptionSetBackToAutoIsUnset) {
  const Environment environment = {{"AUGURFS_MOUNT_UID", "2"},
                                   {"AUGURFS_REMOTE_PATH_STYLE", "true"}};
  const auto options =
      mount_of(mount_with({"-o", "uid=auto,path_style=auto"}), environment).options;
  EXPECT_FALSE(options.mount.uid);
  EXPECT_FALSE(options.remote.path_style);
}

TEST(CommandLine, TheUsersConfigFileIsReadByDefault) {
  const TemporaryDirectory home;
  home.write(".config/augurfs/augurfs.toml", "[mount]\nuid = 11\n");
  EXPECT_EQ(mount_of({"mount", "s3://b", "/mnt"}, {{"HOME", home.path()}}).options.mount.uid, 11U);
  home.write("xdg/augurfs/augurfs.toml", "[mount]\nuid = 12\n");
  const Environment xdg = {{"HOME", home.path()}, {"XDG_CONFIG_HOME", home.path() / "xdg"}};
  EXPECT_EQ(mount_of({"mount", "s3://b", "/mnt"}, xdg).options.mount.uid, 12U);
}

TEST(CommandLine, AConfigFileThatWasNamedMustBeThere) {
  EXPECT_TRUE(contains(refusal({"mount", "s3://b", "/mnt", "--config", "/nowhere/x.toml"}),
                       "/nowhere/x.toml: No such file"));
  EXPECT_NE(refusal({"mount", "s3://b", "/mnt", "--config", ""}), "");
}

TEST(CommandLine, AnErrorInTheFileCountsAlsoWhenAFlagSetsTheSameOption) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[mount]\nuid = -1\n");
  EXPECT_TRUE(contains(
      refusal({"mount", "s3://b", "/mnt", "--config", file, "--set", "mount.uid=1"}), ":2:7: "));
}

TEST(CommandLine, AMisspeltEnvironmentVariableIsAnError) {
  const Words words = mount_with({});
  EXPECT_TRUE(contains(refusal(words, {{"AUGURFS_CACHE_SISE", "1"}}), "nearest is cache.size"));
  EXPECT_TRUE(contains(refusal(words, {{"AUGURFS_CAHCE_SIZE", "1"}}), "nearest is cache.size"));
  EXPECT_TRUE(contains(refusal(words, {{"AUGURFS_CACHE_SIZE", "x"}}), "AUGURFS_CACHE_SIZE"));
  EXPECT_EQ(refusal(words, {{"AUGURFS_READY_DESCRIPTOR", "3"}, {"AUGURFS", "1"}}), "");
}

TEST(CommandLine, CredentialsAreRefusedWithWhereTheyGoAndNotRepeated) {
  for (const auto& [words, environment] :
       {std::pair<Words, Environment>{mount_with({"--set", "remote.secret_key=hush"}), {}},
        {mount_with({"-o", "aws_secret_access_key=hush"}), {}},
        {mount_with({}), {{"AUGURFS_REMOTE_SESSION_TOKEN", "hush"}}},
        {mount_with({"--set", "remote.endpoint=https://me:hush@host"}), {}}}) {
    const std::string message = refusal(words, environment);
    EXPECT_NE(message, "");
    EXPECT_FALSE(contains(message, "hush")) << message;
  }
  EXPECT_TRUE(
      contains(refusal(mount_with({"--set", "remote.secret_key=hush"})), "AWS_SECRET_ACCESS_KEY"));
}

TEST(CommandLine, OptionsThatContradictEachOtherAreRefused) {
  EXPECT_TRUE(contains(refusal(mount_with({"--set", "remote.client_key=/k.pem"})),
                       "remote.client_certificate"));
  EXPECT_TRUE(contains(refusal(mount_with({"-o", "anonymous,requester_pays"})), "anonymous"));
}

TEST(CommandLine, ADirectoryMayHaveTheNameOfACommand) {
  EXPECT_EQ(mount_of({"mount", "s3://bucket", "status"}).directory, "status");
  EXPECT_EQ(std::get<UnmountCommand>(*parse({"unmount", "mount"})).directory, "mount");
}

TEST(CommandLine, UnmountAndStatusTakeADirectory) {
  EXPECT_EQ(std::get<UnmountCommand>(*parse({"unmount", "/mnt"})).directory, "/mnt");
  EXPECT_TRUE(contains(refusal({"unmount"}), "DIR is required"));
  const auto all = std::get<StatusCommand>(*parse({"status", "--json"}));
  EXPECT_FALSE(all.directory);
  EXPECT_TRUE(all.json);
  const auto one = std::get<StatusCommand>(*parse({"status", "/mnt"}));
  EXPECT_EQ(one.directory, "/mnt");
  EXPECT_FALSE(one.json);
}

TEST(CommandLine, AHistoryIsOfAMountOrOfACacheDirectory) {
  const auto show = std::get<HistoryCommand>(*parse({"history", "show"}));
  EXPECT_EQ(show.action, HistoryCommand::Action::kShow);
  EXPECT_FALSE(show.directory);
  EXPECT_FALSE(show.cache);
  EXPECT_EQ(std::get<HistoryCommand>(*parse({"history", "wipe", "/mnt"})).directory, "/mnt");
  const auto trace = std::get<HistoryCommand>(*parse({"history", "export", "--cache", "/c"}));
  EXPECT_EQ(trace.action, HistoryCommand::Action::kExport);
  EXPECT_EQ(trace.cache, "/c");
  EXPECT_FALSE(parse({"history"}));
  EXPECT_FALSE(parse({"history", "forget"}));
  EXPECT_FALSE(parse({"history", "wipe", "/mnt", "--cache", "/c"})) << "which of them?";
}

TEST(CommandLine, AProfileIsRecordedExportedImportedMergedAndShown) {
  using Action = ProfileCommand::Action;
  const auto record = std::get<ProfileCommand>(
      *parse({"profile", "record", "/mnt", "-o", "f", "--", "mount", "-l", "--output", "x"}));
  EXPECT_EQ(record.action, Action::kRecord);
  EXPECT_EQ(record.directory, "/mnt");
  EXPECT_EQ(record.output, "f");
  EXPECT_EQ(record.command, (std::vector<std::string>{"mount", "-l", "--output", "x"}));
  EXPECT_FALSE(parse({"profile", "record", "/mnt"}));
  const auto give =
      std::get<ProfileCommand>(*parse({"profile", "export", "/mnt", "--program", "a*,b", "--under",
                                       "d", "--max-age", "2d", "--source"}));
  EXPECT_EQ(give.action, Action::kExport);
  EXPECT_EQ(give.programs, "a*,b");
  EXPECT_EQ(give.under, "d");
  EXPECT_EQ(give.age, std::chrono::hours{48});
  EXPECT_TRUE(give.source);
  EXPECT_FALSE(give.output);
  EXPECT_FALSE(std::get<ProfileCommand>(*parse({"profile", "export"})).directory);
  EXPECT_TRUE(contains(refusal({"profile", "export", "--max-age", "soon"}), "such as 7d"));
  const auto take = std::get<ProfileCommand>(*parse({"profile", "import", "/mnt", "f", "--force"}));
  EXPECT_EQ(take.action, Action::kImport);
  EXPECT_EQ(take.directory, "/mnt");
  EXPECT_EQ(take.files, std::vector<std::filesystem::path>{"f"});
  EXPECT_TRUE(take.force);
  EXPECT_FALSE(parse({"profile", "import", "/mnt"}));
  const auto merge = std::get<ProfileCommand>(*parse({"profile", "merge", "a", "b", "-o", "c"}));
  EXPECT_EQ(merge.action, Action::kMerge);
  EXPECT_EQ(merge.files, (std::vector<std::filesystem::path>{"a", "b"}));
  EXPECT_EQ(merge.output, "c");
  const auto show = std::get<ProfileCommand>(*parse({"profile", "show", "f"}));
  EXPECT_EQ(show.action, Action::kShow);
  EXPECT_FALSE(parse({"profile", "show", "a", "b"}));
  EXPECT_FALSE(parse({"profile"}));
}

TEST(CommandLine, PrefetchIsSwitchedPausedOrReported) {
  using Action = PrefetchCommand::Action;
  EXPECT_EQ(std::get<PrefetchCommand>(*parse({"prefetch", "on"})).action, Action::kOn);
  EXPECT_EQ(std::get<PrefetchCommand>(*parse({"prefetch", "off", "/mnt"})).directory, "/mnt");
  const auto pause = std::get<PrefetchCommand>(*parse({"prefetch", "pause", "10min", "/mnt"}));
  EXPECT_EQ(pause.action, Action::kPause);
  EXPECT_EQ(pause.pause, std::chrono::minutes(10));
  EXPECT_EQ(pause.directory, "/mnt");
  EXPECT_TRUE(contains(refusal({"prefetch", "pause", "often"}), "10min"));
  EXPECT_TRUE(contains(refusal({"prefetch", "pause", "900d"}), "365 d"));
  EXPECT_FALSE(parse({"prefetch", "pause"}));
  const auto report = std::get<PrefetchCommand>(*parse({"prefetch", "report", "--by", "exe"}));
  EXPECT_EQ(report.action, Action::kReport);
  EXPECT_EQ(report.by, "exe");
  EXPECT_FALSE(parse({"prefetch", "report", "--by", "size"}));
}

TEST(CommandLine, TheOptionsOfAMountAreNotThoseOfOtherCommands) {
  EXPECT_NE(refusal({"unmount", "/mnt", "--set", "mount.uid=1"}), "");
  EXPECT_NE(refusal({"status", "-f"}), "");
  // A broken environment is no reason not to unmount.
  EXPECT_EQ(refusal({"unmount", "/mnt"}, {{"AUGURFS_CACHE_SIZE", "x"}}), "");
}

TEST(CommandLine, AnUnknownCommandNamesTheNearest) {
  EXPECT_TRUE(contains(refusal({"unmout", "/mnt"}), "nearest is unmount"));
  EXPECT_TRUE(contains(refusal({"bucket", "/mnt"}), "'bucket' is not a command"));
  EXPECT_NE(refusal({}), "");
  EXPECT_NE(refusal({""}), "");
  EXPECT_NE(refusal({"--frobnicate"}), "");
  EXPECT_NE(refusal({"mount", "unmount", "status", "config"}), "");
}

TEST(CommandLine, EveryCommandExplainsItself) {
  EXPECT_TRUE(contains(printed({"--help"}), "augurfs COMMAND --help"));
  for (const auto* command : {"mount", "unmount", "status", "config", "replay"}) {
    const std::string help = printed({command, "--help"});
    EXPECT_TRUE(contains(help, std::string("Usage: augurfs ") + command)) << help;
    EXPECT_TRUE(contains(help, "Example")) << help;
  }
  EXPECT_TRUE(contains(printed({"mount", "--help"}), "cache.size = \"10%\""));
}

TEST(CommandLine, TheVersionIsPrintedByFlagAndByCommand) {
  EXPECT_TRUE(printed({"--version"}).starts_with("augurfs "));
  EXPECT_EQ(printed({"--version"}), printed({"version"}));
}

TEST(CommandLine, AConfigFileIsCheckedWithoutMounting) {
  const TemporaryDirectory directory;
  const std::string good = directory.write("good.toml", "[mount]\nuid = 1\n");
  const std::string bad = directory.write("bad.toml", "[mount]\nuid = 1\nuidd = 2\n");
  const std::string half = directory.write("half.toml", "[remote]\nclient_key = \"/k\"\n");
  EXPECT_TRUE(printed({"config", "--check", good}).starts_with(good));
  EXPECT_TRUE(contains(refusal({"config", "--check", bad}), bad + ":3:1: 'mount.uidd'"));
  EXPECT_TRUE(contains(refusal({"config", "--check", half}), "client_certificate"));
  EXPECT_NE(refusal({"config", "--check", directory.path() / "none"}), "");
  EXPECT_NE(refusal({"config"}), "");
  EXPECT_NE(refusal({"config", "--example", "--check", good}), "");
}

ReplayOptions replay_of(const Words& words) {
  const auto command = parse(words);
  if (!command) {
    ADD_FAILURE() << command.error().message;
    return {};
  }
  return std::get<ReplayCommand>(*command).options;
}

TEST(CommandLine, AReplayTakesTracesAndASetting) {
  const ReplayOptions usual = replay_of({"replay", "a.csv", "-"});
  ASSERT_EQ(usual.traces.size(), 2U);
  EXPECT_EQ(usual.traces[1], "-");
  EXPECT_TRUE(usual.policies.empty());
  EXPECT_EQ(usual.link.round_trip, std::chrono::milliseconds(80));
  EXPECT_EQ(usual.link.bits_per_s, 200'000'000U);
  EXPECT_EQ(usual.cache_bytes, 0U);
  EXPECT_DOUBLE_EQ(usual.cache_share, 0.05);
  EXPECT_EQ(usual.chunk_bytes, 1U << 20);

  const ReplayOptions set = replay_of({"replay",      "a.csv",      "--policy",
                                       "ppm3,oracle", "--rtt-ms",   "0.5",
                                       "--mbit",      "1000",       "--cache",
                                       "64MiB",       "--chunk",    "4KiB",
                                       "--seed",      "7",          "--warmup",
                                       "9",           "--think-ms", "2",
                                       "--skip-bad",  "--without",  "obl,staging,calibration",
                                       "--threshold", "0.5"});
  EXPECT_EQ(set.policies, (Words{"ppm3", "oracle"}));
  EXPECT_EQ(set.link.round_trip, std::chrono::microseconds(500));
  EXPECT_EQ(set.link.bits_per_s, 1'000'000'000U);
  EXPECT_EQ(set.cache_bytes, 64U << 20);
  EXPECT_EQ(set.chunk_bytes, 4096U);
  EXPECT_EQ(set.seed, 7U);
  EXPECT_EQ(set.warmup, 9U);
  EXPECT_EQ(set.think, std::chrono::milliseconds(2));
  EXPECT_TRUE(set.skip_bad);
  EXPECT_EQ(set.without, (Words{"obl", "staging", "calibration"}));
  EXPECT_DOUBLE_EQ(set.gate_probability_min, 0.5);
}

TEST(CommandLine, AReplayThatMakesNoSenseIsRefused) {
  EXPECT_TRUE(contains(refusal({"replay"}), "TRACE is required"));
  EXPECT_TRUE(contains(refusal({"replay", "a", "--policy", "ppm4"}), "'ppm4'; there are none-lru"));
  EXPECT_TRUE(contains(refusal({"replay", "a", "--cache", "much"}), "--cache 'much'"));
  EXPECT_TRUE(contains(refusal({"replay", "a", "--cache", "0"}), "--cache '0'"));
  EXPECT_TRUE(contains(refusal({"replay", "a", "--chunk", "3000"}), "power of two"));
  EXPECT_TRUE(contains(refusal({"replay", "a", "--chunk", "2GiB"}), "power of two"));
  EXPECT_NE(refusal({"replay", "a", "--rtt-ms", "0"}), "") << "there is no mode without latency";
  EXPECT_NE(refusal({"replay", "a", "--rtt-ms", "-5"}), "");
  EXPECT_NE(refusal({"replay", "a", "--threshold", "1.5"}), "");
  EXPECT_NE(refusal({"replay", "a", "--without", "markov1"}), "") << "the gate does not weigh it";
  EXPECT_NE(refusal({"replay", "a", "--mbit", "0"}), "");
  EXPECT_NE(refusal({"replay", "a", "--warmup", "-1"}), "");
}

}  // namespace
}  // namespace augurfs
