#include "fs/option_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace augurfs {
namespace {

using std::chrono::milliseconds;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Sets an option from text and says what of it was refused; "" when it was taken.
std::string refusal(Options& options, std::string_view name, std::string_view text) {
  const auto set = set_option(options, *find_option(name), text);
  return set ? "" : set.error().message;
}
std::string refusal(std::string_view name, std::string_view text) {
  Options options;
  return refusal(options, name, text);
}

TEST(OptionTable, HasEveryNameThatWasPromised) {
  for (const auto* name :
       {"remote.endpoint", "remote.region", "remote.path_style", "remote.profile",
        "remote.ca_bundle", "remote.max_connections", "cache.dir", "cache.size", "cache.free_space",
        "cache.chunk_size", "metadata.ttl", "mount.allow_other", "mount.uid", "mount.gid",
        "mount.read_only", "prefetch.mode", "log.level", "log.file"}) {
    ASSERT_NE(find_option(name), nullptr) << name;
    EXPECT_EQ(find_option(name)->name, name);
  }
}

TEST(OptionTable, EveryRowIsCompleteAndItsDefaultIsAccepted) {
  std::set<std::string_view> names;
  for (const Option& option : option_table()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name << " is there twice";
    EXPECT_EQ(refusal(option.name, option.default_value), "");
    EXPECT_FALSE(option.value.accepts.empty()) << option.name;
    EXPECT_TRUE(option.documentation.ends_with('.')) << option.name;
    EXPECT_FALSE(contains(option.documentation, "\n")) << option.name;
  }
}

TEST(OptionTable, EveryOptionIsInADocumentedSection) {
  std::set<std::string_view> sections;
  for (const OptionSection& section : option_sections()) {
    EXPECT_TRUE(sections.insert(section.name).second);
    EXPECT_TRUE(section.documentation.ends_with('.')) << section.name;
    // Sections part from keys at the first '_' of an environment variable.
    EXPECT_FALSE(contains(section.name, "_")) << section.name;
  }
  for (const Option& option : option_table()) {
    EXPECT_TRUE(sections.contains(option.section())) << option.name;
  }
}

TEST(OptionTable, EveryOptionRefusesNonsense) {
  for (const Option& option : option_table()) {
    const std::string message = refusal(option.name, std::string("\x01 nonsense\0", 11));
    EXPECT_TRUE(contains(message, option.name)) << option.name;
    EXPECT_TRUE(contains(message, option.value.accepts)) << option.name;
  }
}

TEST(OptionTable, AKeyAloneIsEnoughWhereOneSectionHasIt) {
  for (const Option& option : option_table()) {
    // Whoever adds a second of a name makes people write the section.
    const Option* expected = option.key() == "size" ? nullptr : &option;
    EXPECT_EQ(find_option(option.key()), expected) << option.name;
  }
  EXPECT_EQ(find_option("cache.uid"), nullptr);
  EXPECT_EQ(find_option(""), nullptr);
}

TEST(OptionTable, TheDefaultsAreThoseOfTheStore) {
  const StoreOptions ours = default_options().remote;
  const StoreOptions theirs;
  EXPECT_EQ(ours.endpoint, theirs.endpoint);
  EXPECT_EQ(ours.region, theirs.region);
  EXPECT_EQ(ours.path_style, theirs.path_style);
  EXPECT_EQ(ours.profile, theirs.profile);
  EXPECT_EQ(ours.anonymous, theirs.anonymous);
  EXPECT_EQ(ours.requester_pays, theirs.requester_pays);
  EXPECT_EQ(ours.ca_bundle, theirs.ca_bundle);
  EXPECT_EQ(ours.client_certificate, theirs.client_certificate);
  EXPECT_EQ(ours.client_key, theirs.client_key);
  EXPECT_EQ(ours.max_connections, theirs.max_connections);
  EXPECT_EQ(ours.connect_timeout, theirs.connect_timeout);
  EXPECT_EQ(ours.stall_timeout, theirs.stall_timeout);
  EXPECT_EQ(ours.deadline, theirs.deadline);
  EXPECT_EQ(ours.max_attempts, theirs.max_attempts);
}

TEST(OptionTable, TheDefaultsAreThoseThatAreDocumented) {
  const Options options = default_options();
  EXPECT_EQ(options.cache.directory, "");
  EXPECT_DOUBLE_EQ(options.cache.size.share, .1);
  EXPECT_DOUBLE_EQ(options.cache.free_space.share, .05);
  EXPECT_EQ(options.cache.chunk_size, 256U << 10);
  EXPECT_EQ(options.metadata.ttl, milliseconds(60'000));
  EXPECT_EQ(options.metadata.entries_max, 1'000'000U);
  EXPECT_TRUE(options.metadata.list_subtrees);
  EXPECT_EQ(options.metadata.size, 256U << 20);
  EXPECT_EQ(options.metadata.stale_while_revalidate, milliseconds(0));
  EXPECT_EQ(options.metadata.stale_if_error, milliseconds(0));
  EXPECT_FALSE(options.mount.allow_other);
  EXPECT_FALSE(options.mount.uid);
  EXPECT_FALSE(options.mount.gid);
  EXPECT_EQ(options.mount.file_mode, 0644U);
  EXPECT_EQ(options.mount.directory_mode, 0755U);
  EXPECT_TRUE(options.mount.read_only);
  EXPECT_TRUE(options.mount.auto_unmount);
  EXPECT_EQ(options.mount.threads, 128);
  EXPECT_TRUE(options.mount.passthrough);
  EXPECT_EQ(options.prefetch.mode, PrefetchMode::kOn);
  EXPECT_TRUE(options.prefetch.brain);
  EXPECT_EQ(options.prefetch.brain_memory_bytes_max, 512U << 20);
  EXPECT_FALSE(options.prefetch.neural);
  EXPECT_EQ(options.prefetch.transfers_max, 16);
  EXPECT_EQ(options.prefetch.window_bytes_max, 64U << 20);
  EXPECT_EQ(options.prefetch.into_memory_bytes_max, 64U << 20);
  EXPECT_TRUE(options.history.enabled);
  EXPECT_EQ(options.history.size, 64U << 20);
  EXPECT_EQ(options.history.age, std::chrono::hours(24 * 90));
  EXPECT_TRUE(contains(options.history.excluded_programs, "updatedb*"));
  EXPECT_EQ(options.history.excluded_paths, "");
  EXPECT_EQ(options.log.level, "info");
  EXPECT_EQ(options.log.file, "");
}

// A value for each option that is not its default.
const std::vector<std::pair<std::string_view, std::string_view>> kOtherValues = {
    {"remote.endpoint", "https://h:1"},
    {"remote.region", "r"},
    {"remote.path_style", "false"},
    {"remote.profile", "p"},
    {"remote.anonymous", "true"},
    {"remote.requester_pays", "true"},
    {"remote.ca_bundle", "/ca"},
    {"remote.client_certificate", "/cert"},
    {"remote.client_key", "/key"},
    {"remote.max_connections", "101"},
    {"remote.connect_timeout", "102 ms"},
    {"remote.stall_timeout", "103 ms"},
    {"remote.deadline", "104 s"},
    {"remote.max_attempts", "99"},
    {"cache.dir", "/dir"},
    {"cache.size", "20 GiB"},
    {"cache.free_space", "1 GiB"},
    {"cache.chunk_size", "64K"},
    {"metadata.ttl", "105 ms"},
    {"metadata.max_entries", "1006"},
    {"metadata.list_subtrees", "false"},
    {"metadata.size", "9 MiB"},
    {"metadata.stale_while_revalidate", "111 ms"},
    {"metadata.stale_if_error", "112 ms"},
    {"mount.allow_other", "true"},
    {"mount.uid", "107"},
    {"mount.gid", "108"},
    {"mount.file_mode", "0400"},
    {"mount.directory_mode", "0500"},
    {"mount.read_only", "yes"},
    {"mount.auto_unmount", "false"},
    {"mount.threads", "109"},
    {"mount.passthrough", "off"},
    {"prefetch.mode", "off"},
    {"prefetch.brain", "false"},
    {"prefetch.brain_memory", "3 GiB"},
    {"prefetch.neural", "true"},
    {"prefetch.max_transfers", "110"},
    {"prefetch.budget", "7 GiB"},
    {"prefetch.budget_requests", "12"},
    {"prefetch.max_window", "2 MiB"},
    {"prefetch.into_memory", "3 MiB"},
    {"history.enabled", "false"},
    {"history.size", "5 MiB"},
    {"history.age", "2 h"},
    {"history.exclude_programs", "a,b"},
    {"history.exclude_paths", "c d"},
    {"log.level", "debug"},
    {"log.file", "/log"},
};

// An option that wrote into its neighbour's field would pass every other test.
TEST(OptionTable, EveryOptionArrivesWhereItBelongs) {
  Options options = default_options();
  EXPECT_EQ(kOtherValues.size(), option_table().size());
  for (const auto& [name, text] : kOtherValues) EXPECT_EQ(refusal(options, name, text), "");
  EXPECT_EQ(options.remote.endpoint, "https://h:1");
  EXPECT_EQ(options.remote.region, "r");
  EXPECT_EQ(options.remote.path_style, false);
  EXPECT_EQ(options.remote.profile, "p");
  EXPECT_TRUE(options.remote.anonymous);
  EXPECT_TRUE(options.remote.requester_pays);
  EXPECT_EQ(options.remote.ca_bundle, "/ca");
  EXPECT_EQ(options.remote.client_certificate, "/cert");
  EXPECT_EQ(options.remote.client_key, "/key");
  EXPECT_EQ(options.remote.max_connections, 101);
  EXPECT_EQ(options.remote.connect_timeout, milliseconds(102));
  EXPECT_EQ(options.remote.stall_timeout, milliseconds(103));
  EXPECT_EQ(options.remote.deadline, milliseconds(104'000));
  EXPECT_EQ(options.remote.max_attempts, 99);
  EXPECT_EQ(options.cache.directory, "/dir");
  EXPECT_EQ(options.cache.size.bytes, 20ULL << 30);
  EXPECT_EQ(options.cache.size.share, 0);
  EXPECT_EQ(options.cache.free_space.bytes, 1U << 30);
  EXPECT_EQ(options.cache.chunk_size, 64U << 10);
  EXPECT_EQ(options.metadata.ttl, milliseconds(105));
  EXPECT_EQ(options.metadata.entries_max, 1006U);
  EXPECT_FALSE(options.metadata.list_subtrees);
  EXPECT_EQ(options.metadata.size, 9U << 20);
  EXPECT_EQ(options.metadata.stale_while_revalidate, milliseconds(111));
  EXPECT_EQ(options.metadata.stale_if_error, milliseconds(112));
  EXPECT_TRUE(options.mount.allow_other);
  EXPECT_EQ(options.mount.uid, 107U);
  EXPECT_EQ(options.mount.gid, 108U);
  EXPECT_EQ(options.mount.file_mode, 0400U);
  EXPECT_EQ(options.mount.directory_mode, 0500U);
  EXPECT_FALSE(options.mount.auto_unmount);
  EXPECT_EQ(options.mount.threads, 109);
  EXPECT_FALSE(options.mount.passthrough);
  EXPECT_EQ(options.prefetch.mode, PrefetchMode::kOff);
  EXPECT_FALSE(options.prefetch.brain);
  EXPECT_EQ(options.prefetch.brain_memory_bytes_max, std::uint64_t{3} << 30);
  EXPECT_TRUE(options.prefetch.neural);
  EXPECT_EQ(options.prefetch.transfers_max, 110);
  EXPECT_EQ(options.prefetch.window_bytes_max, 2U << 20);
  EXPECT_EQ(options.prefetch.into_memory_bytes_max, 3U << 20);
  EXPECT_FALSE(options.history.enabled);
  EXPECT_EQ(options.history.size, 5U << 20);
  EXPECT_EQ(options.history.age, std::chrono::hours(2));
  EXPECT_EQ(options.history.excluded_programs, "a,b");
  EXPECT_EQ(options.history.excluded_paths, "c d");
  EXPECT_EQ(options.log.level, "debug");
  EXPECT_EQ(options.log.file, "/log");
}

TEST(OptionTable, AnythingOutsideItsRangeIsRefused) {
  for (const auto& [name, text] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"cache.chunk_size", "2 KiB"},
           {"cache.chunk_size", "128 MiB"},
           {"cache.chunk_size", "3 MiB"},
           {"cache.size", "-1"},
           {"cache.size", "1 MiB"},
           {"cache.size", "0%"},
           {"cache.size", "101%"},
           {"cache.free_space", "100%"},
           {"remote.max_connections", "0"},
           {"remote.max_connections", "1025"},
           {"remote.max_connections", "-1"},
           {"remote.max_connections", "4294967297"},
           {"mount.uid", "4294967295"},
           {"mount.uid", "-1"},
           {"mount.file_mode", "1777"},
           {"mount.directory_mode", "8"},
           {"mount.threads", "0"},
           {"remote.stall_timeout", "0 s"},
           {"remote.deadline", "2 h"},
           {"metadata.ttl", "31 d"},
           {"prefetch.mode", "auto"},
           {"prefetch.budget", "auto"},
           {"prefetch.budget", "-1"},
           {"prefetch.budget_requests", "1 GiB"},
           {"prefetch.max_window", "0"},
           {"prefetch.max_window", "2 GiB"},
           {"log.level", "verbose"},
           {"log.file", "log.txt"},
           {"log.file", "syslog"},
           {"cache.dir", "~/cache"},
           {"remote.ca_bundle", "ca.pem"},
           {"remote.endpoint", "localhost:7480"},
           {"remote.endpoint", "ftp://host"},
           {"remote.endpoint", "http://"},
           {"remote.endpoint", "http://h/path"},
           {"remote.endpoint", "http://h o"},
           {"remote.region", "eu west"},
           {"mount.read_only", "false"}}) {
    EXPECT_NE(refusal(name, text), "") << name << " = " << text;
  }
}

TEST(OptionTable, TheEdgesOfARangeAreInside) {
  for (const auto& [name, text] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"cache.chunk_size", "4 KiB"},
           {"cache.chunk_size", "64 MiB"},
           {"cache.size", "16 MiB"},
           {"cache.size", "100%"},
           {"cache.size", "0.1%"},
           {"cache.free_space", "0"},
           {"cache.free_space", "0%"},
           {"cache.free_space", "99%"},
           {"remote.max_connections", "1"},
           {"remote.max_connections", "1024"},
           {"mount.uid", "0"},
           {"mount.uid", "4294967294"},
           {"mount.file_mode", "0"},
           {"mount.file_mode", "0777"},
           {"metadata.ttl", "0 s"},
           {"metadata.ttl", "30 d"},
           {"log.file", "stderr"},
           {"log.file", "journald"}}) {
    EXPECT_EQ(refusal(name, text), "");
  }
}

TEST(OptionTable, ARefusedValueChangesNothing) {
  Options options = default_options();
  EXPECT_NE(refusal(options, "mount.threads", "0"), "");
  EXPECT_NE(refusal(options, "remote.endpoint", "nonsense"), "");
  EXPECT_EQ(options.mount.threads, 128);
  EXPECT_EQ(options.remote.endpoint, "");
}

TEST(OptionTable, WritingIsRefusedWithTheReason) {
  EXPECT_TRUE(contains(refusal("mount.read_only", "false"), "writing is not there yet"));
}

TEST(OptionTable, AnUnknownNameGetsTheNearest) {
  for (const auto& [typed, nearest] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"cache.sise", "cache.size"},
           {"cahce.size", "cache.size"},
           {"size", "cache.size"},
           {"cache.directory", "cache.dir"},
           {"cache.endpoint", "remote.endpoint"},
           {"endpont", "remote.endpoint"},
           {"allowother", "mount.allow_other"},
           {"prefetch.max_windows", "prefetch.max_window"},
           {"log.levle", "log.level"}}) {
    EXPECT_TRUE(unknown_option(typed).message.ends_with("nearest is " + std::string(nearest)))
        << unknown_option(typed).message;
  }
}

TEST(OptionTable, ASecretGetsToldWhereItBelongs) {
  for (const auto* name : {"remote.secret_key", "remote.access_key", "remote.aws_access_key_id",
                           "remote.session_token", "remote.PASSWORD", "passwd_file"}) {
    const std::string message = unknown_option(name).message;
    EXPECT_TRUE(contains(message, "AWS_SECRET_ACCESS_KEY")) << message;
    EXPECT_TRUE(contains(message, name)) << message;
  }
}

TEST(OptionTable, AnEnvironmentVariableIsNamedAfterItsOption) {
  EXPECT_EQ(find_option("remote.max_connections")->environment_name(),
            "AUGURFS_REMOTE_MAX_CONNECTIONS");
}

TEST(OptionTable, TextFromOutsideIsShownOnOneShortLine) {
  EXPECT_EQ(shown("a b"), "'a b'");
  EXPECT_EQ(shown("a\nb\x1b[31m\x7f"), "'a?b?[31m?'");
  EXPECT_EQ(shown("gr\xc3\xb6\xc3\x9f"
                  "e"),
            "'gr\xc3\xb6\xc3\x9f"
            "e'");
  EXPECT_LT(shown(std::string(1'000'000, 'x')).size(), 100U);
  EXPECT_FALSE(contains(shown("https://me:hush@host"), "hush"));
}

}  // namespace
}  // namespace augurfs
