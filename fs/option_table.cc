#include "fs/option_table.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "fs/edit_distance.h"
#include "fs/units.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::literals::chrono_literals::operator""ms;
using std::literals::chrono_literals::operator""s;
using std::literals::chrono_literals::operator""min;
using std::literals::chrono_literals::operator""h;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kTiB = 1024 * kGiB;

// What an option that can be left to the program is set to then, unless it is a string, and one
// that is a bound when there is to be none.
constexpr std::string_view kAuto = "auto";
constexpr std::string_view kUnlimited = "unlimited";

// The kinds of values. `field` leads from Options to where the value lives.

template <typename Field>
OptionValue text(std::string accepts, bool (*is_valid)(std::string_view), Field field) {
  return {OptionType::kText, std::move(accepts), [is_valid, field](Options& o, std::string_view v) {
            if (!v.empty() && !is_valid(v)) return false;
            field(o) = v;
            return true;
          }};
}

template <typename Field>
OptionValue path(Field field) {
  return text(
      "an absolute path, or \"\"", [](std::string_view v) { return v.starts_with('/'); }, field);
}

template <typename Field>
OptionValue boolean(Field field) {
  return {OptionType::kBoolean, "true or false", [field](Options& o, std::string_view v) {
            const auto value = parse_boolean(v);
            if (value) field(o) = *value;
            return value.has_value();
          }};
}

template <typename Field>
OptionValue number(std::uint64_t min, std::uint64_t max, Field field) {
  return {OptionType::kNumber,
          "a whole number from " + std::to_string(min) + " to " + std::to_string(max),
          [min, max, field](Options& o, std::string_view v) {
            const auto value = parse_whole_number(v);
            if (!value || *value < min || *value > max) return false;
            using Number = std::remove_reference_t<decltype(field(o))>;  // perhaps optional
            field(o) = static_cast<Number>(*value);
            return true;
          }};
}

template <typename Field>
OptionValue size(std::uint64_t min, std::uint64_t max, bool power_of_two, Field field) {
  return {OptionType::kSize,
          (power_of_two ? "a power of two from " : "a size from ") + format_size(min) + " to " +
              format_size(max) + " such as \"1 MiB\"",
          [min, max, power_of_two, field](Options& o, std::string_view v) {
            const auto value = parse_size(v);
            if (!value || *value < min || *value > max) return false;
            if (power_of_two && (*value & (*value - 1)) != 0) return false;
            field(o) = *value;
            return true;
          }};
}

// A share may be zero only where a size may be.
template <typename Field>
OptionValue size_or_share(std::uint64_t min, double share_max, Field field) {
  return {OptionType::kSize,
          (min > 0 ? "a size of at least " + format_size(min) : std::string("a size")) +
              " such as \"20 GiB\", or a share of the disk " +
              (min > 0 ? "above 0% and up to " : "from 0% to ") +
              std::to_string(static_cast<int>(share_max * 100)) + "% such as \"10%\"",
          [min, share_max, field](Options& o, std::string_view v) {
            const auto value = parse_size_or_share(v);
            if (!value || value->share > share_max) return false;
            if (value->share == 0 && value->bytes < min) return false;
            field(o) = *value;
            return true;
          }};
}

template <typename Field>
OptionValue duration(milliseconds min, milliseconds max, Field field) {
  return {OptionType::kDuration,
          "a duration from " + format_duration(min) + " to " + format_duration(max) +
              " such as \"30 s\"",
          [min, max, field](Options& o, std::string_view v) {
            const auto value = parse_duration(v);
            if (!value || *value < min || *value > max) return false;
            field(o) = *value;
            return true;
          }};
}

template <typename Field>
OptionValue mode(Field field) {
  return {OptionType::kMode, "octal permissions from \"0000\" to \"0777\" such as \"0644\"",
          [field](Options& o, std::string_view v) {
            const auto value = parse_mode(v);
            if (value) field(o) = *value;
            return value.has_value();
          }};
}

// One of a few words, each standing for a value.
template <typename T, typename Field>
OptionValue choice(std::vector<std::pair<std::string_view, T>> words, Field field) {
  std::string accepts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) accepts += i + 1 == words.size() ? " or " : ", ";
    accepts += "\"" + std::string(words[i].first) + "\"";
  }
  return {OptionType::kText, accepts, [words, field](Options& o, std::string_view v) {
            for (const auto& [word, value] : words) {
              if (v != word) continue;
              field(o) = value;
              return true;
            }
            return false;
          }};
}

// The same, or a word: an optional that is not set.
template <typename Field>
OptionValue or_word(std::string_view word, OptionValue value, Field field) {
  value.accepts += ", or \"" + std::string(word) + "\"";
  value.assign = [word, assign = std::move(value.assign), field](Options& o, std::string_view v) {
    if (v != word) return assign(o, v);
    field(o) = std::nullopt;
    return true;
  };
  return value;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

bool is_endpoint(std::string_view text) {
  std::string_view host = text;
  if (text.starts_with("http://"))
    host.remove_prefix(7);
  else if (text.starts_with("https://"))
    host.remove_prefix(8);
  else
    return false;
  // No path, query or password: the endpoint is the server, and secrets do not live in URLs.
  return !host.empty() && is_printable(host) && host.find_first_of("/?#@") == host.npos;
}

bool is_path_list(std::string_view text) { return text.find('\0') == std::string_view::npos; }

bool is_log_file(std::string_view text) {
  return text.starts_with('/') || text == "stderr" || text == "journald";
}

const std::vector<OptionSection> kSections = {
    {"remote",
     "How to reach the store. Credentials are not options: they come from the "
     "environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), web identity, the "
     "files ~/.aws/credentials and ~/.aws/config, or the machine's role. Proxies as well: "
     "http_proxy, https_proxy and all_proxy name one, no_proxy the hosts to ask without it."},
    {"cache", "What is kept on the local disk, and how much of it."},
    {"metadata", "What is remembered of names, sizes and times."},
    {"mount", "How the mounted drive looks to programs."},
    {"prefetch", "Fetching what was not asked for yet."},
    {"history",
     "What is remembered of which program read what, to learn from. It stays on this machine, in "
     "history.db in the cache directory; docs/privacy.md says what is in it. `augurfs history "
     "wipe` "
     "forgets it all."},
    {"log", "What augurfs writes about itself."},
};

const std::vector<Option> kOptions = {
    {"remote.endpoint", "",
     text(
         "\"http://host:port\" or \"https://host\" without path or password", is_endpoint,
         [](Options& o) -> auto& { return o.remote.endpoint; }),
     "The server of an S3-compatible store, such as \"http://localhost:7480\". Empty: Amazon S3 in "
     "`remote.region`."},
    {"remote.region", "",
     text(
         "a region such as \"eu-central-1\"", is_printable,
         [](Options& o) -> auto& { return o.remote.region; }),
     "The region that requests are signed for. Empty: AWS_REGION, then the region of the "
     "profile, then us-east-1."},
    {"remote.path_style", "auto",
     or_word(
         kAuto, boolean([](Options& o) -> auto& { return o.remote.path_style; }),
         [](Options& o) -> auto& { return o.remote.path_style; }),
     "Whether the bucket stands in the path of a request rather than in the name of its host. "
     "\"auto\": yes with an endpoint of your own, no with Amazon S3."},
    {"remote.profile", "",
     text(
         "the name of a profile", is_printable,
         [](Options& o) -> auto& { return o.remote.profile; }),
     "The profile in ~/.aws/credentials and ~/.aws/config to take. Empty: AWS_PROFILE, then "
     "\"default\"."},
    {"remote.anonymous", "false", boolean([](Options& o) -> auto& { return o.remote.anonymous; }),
     "Sends requests without a signature, for public buckets."},
    {"remote.requester_pays", "false",
     boolean([](Options& o) -> auto& { return o.remote.requester_pays; }),
     "Agrees to pay for requests and traffic of a requester-pays bucket. Without it such a bucket "
     "denies access."},
    {"remote.ca_bundle", "", path([](Options& o) -> auto& { return o.remote.ca_bundle; }),
     "A PEM file with the certificate authorities to trust, for a server whose certificate is "
     "signed by your own. Empty: those of the system. Certificates are always checked."},
    {"remote.client_certificate", "",
     path([](Options& o) -> auto& { return o.remote.client_certificate; }),
     "A PEM file with the certificate to show to a server that asks for one. Needs "
     "`remote.client_key`."},
    {"remote.client_key", "", path([](Options& o) -> auto& { return o.remote.client_key; }),
     "A PEM file with the private key of `remote.client_certificate`, readable by nobody else."},
    {"remote.max_connections", "32",
     number(
         1, 1024, [](Options& o) -> auto& { return o.remote.max_connections; }),
     "Connections to the store at once, which is how many fetches can be on their way. More of "
     "them "
     "help against latency, not bandwidth: 32 hide a round trip of 30 ms at 1 GiB/s in fetches of "
     "1 MiB."},
    {"remote.connect_timeout", "10 s",
     duration(
         100ms, 10min, [](Options& o) -> auto& { return o.remote.connect_timeout; }),
     "How long to wait for a connection, name look-up and TLS included, before trying again."},
    {"remote.stall_timeout", "10 s",
     duration(
         100ms, 10min, [](Options& o) -> auto& { return o.remote.stall_timeout; }),
     "How long a transfer may go without a single byte before it is given up and tried again from "
     "the byte it had reached."},
    {"remote.deadline", "2 min",
     duration(
         1s, 1h, [](Options& o) -> auto& { return o.remote.deadline; }),
     "How long one operation may take with all its retries; each 64 KiB received move it by a "
     "second. "
     "A program that reads gets an I/O error then, rather than hanging."},
    {"remote.max_attempts", "10",
     number(
         1, 100, [](Options& o) -> auto& { return o.remote.max_attempts; }),
     "How often a request is sent before its error is reported. Only what may pass by itself is "
     "tried again: a busy server, a lost connection; never a denied access."},

    {"cache.dir", "", path([](Options& o) -> auto& { return o.cache.directory; }),
     "The directory of this mount's cache, one for each running mount. Empty: "
     "~/.cache/augurfs/NAME (XDG_CACHE_HOME is honoured), or /var/cache/augurfs/NAME for root, "
     "where NAME is derived from the URL and the endpoint. It should lie on a fast local disk. "
     "Deleting it while nothing is mounted from it is safe."},
    {"cache.size", "10%",
     size_or_share(
         kCacheBytesMin, 1, [](Options& o) -> auto& { return o.cache.size; }),
     "What the cache may occupy, as a size or as a share of the disk it lies on. Never exceeded: "
     "space is reserved before bytes are written. A tenth of the disk is enough to be useful and "
     "leaves room for several mounts and for everything else."},
    {"cache.free_space", "5%",
     size_or_share(
         0, .99, [](Options& o) -> auto& { return o.cache.free_space; }),
     "What the cache leaves free on its disk whatever `cache.size` says, as a size or as a share "
     "of "
     "the disk. When others fill the disk the cache shrinks. 5% is what ext4 keeps for root, so "
     "a full cache never stops another program."},
    {"cache.chunk_size", "256 KiB",
     size(
         4 * kKiB, 64 * kMiB, true, [](Options& o) -> auto& { return o.cache.chunk_size; }),
     "The piece in which objects are kept, and the least that is fetched; adjacent ones come in "
     "one "
     "request. Smaller wastes less on random reads, bigger takes less memory: some 100 bytes a "
     "chunk. "
     "A change counts for objects not cached yet."},

    {"metadata.ttl", "60 s",
     duration(
         0ms, 720h, [](Options& o) -> auto& { return o.metadata.ttl; }),
     "How long names, sizes and times are believed before the store is asked again, so how late a "
     "change made elsewhere may be seen. \"0 s\" asks every time."},
    {"metadata.max_entries", "1000000",
     number(
         1000, 1'000'000'000, [](Options& o) -> auto& { return o.metadata.entries_max; }),
     "Names kept in memory. When there are more, those unused longest are forgotten and asked for "
     "again."},
    {"metadata.list_subtrees", "true",
     boolean([](Options& o) -> auto& { return o.metadata.list_subtrees; }),
     "Once a program is seen to walk a tree, as `find`, `ls -lR` and `cp -r` do, the tree is "
     "listed "
     "1,000 keys a request, whatever its directories are, a few requests ahead of the program. "
     "Without it each directory is a request, and one of many thousands of names is listed by one "
     "request after another rather than by several at once; so it is where `metadata.ttl` is "
     "\"0 s\"."},
    {"metadata.size", "256 MiB",
     size(
         0, 64 * kGiB, false, [](Options& o) -> auto& { return o.metadata.size; }),
     "What listings of directories may occupy on disk, so that the next mount knows them; some 50 "
     "bytes a name. What was asked for longest ago is forgotten first. It is part of `cache.size` "
     "and at most an eighth of that; below 4 MiB none are kept. They are believed for the "
     "first half of `metadata.ttl`; the other half is the kernel's."},
    {"metadata.stale_while_revalidate", "0 s",
     duration(
         0ms, 24h * 36500, [](Options& o) -> auto& { return o.metadata.stale_while_revalidate; }),
     "Names, sizes and times that are older than `metadata.ttl`, by no more than this, are shown "
     "at "
     "once and asked for anew behind the scenes: the first look may show what was, the next one "
     "shows what is. Makes a tree that was listed on an earlier mount appear without a wait. An "
     "open may then find an object that has been replaced since; its bytes are right, or the read "
     "fails with ESTALE."},
    {"metadata.stale_if_error", "0 s",
     duration(
         0ms, 24h * 36500, [](Options& o) -> auto& { return o.metadata.stale_if_error; }),
     "Offline mode: while the store does not answer, names, sizes and times that are older than "
     "`metadata.ttl`, by no more than this, are shown, and what is cached can be read; \"30 d\" is "
     "a month. A mount starts without the store as well. `augurfs status` says that it is offline, "
     "and how old what it showed is. With \"0 s\" a store that does not answer is an error."},

    {"mount.allow_other", "false", boolean([](Options& o) -> auto& { return o.mount.allow_other; }),
     "Lets other users into the drive; file permissions then say who may read. Without it only the "
     "user who mounts may, not even root. An ordinary user needs `user_allow_other` in "
     "/etc/fuse.conf for it."},
    {"mount.uid", "auto",
     or_word(
         kAuto,
         number(
             0, std::numeric_limits<std::uint32_t>::max() - 1,
             [](Options& o) -> auto& { return o.mount.uid; }),
         [](Options& o) -> auto& { return o.mount.uid; }),
     "The user whom all files belong to, by number. \"auto\": the user who mounts."},
    {"mount.gid", "auto",
     or_word(
         kAuto,
         number(
             0, std::numeric_limits<std::uint32_t>::max() - 1,
             [](Options& o) -> auto& { return o.mount.gid; }),
         [](Options& o) -> auto& { return o.mount.gid; }),
     "The group that all files belong to, by number. \"auto\": the group of the user who mounts."},
    {"mount.file_mode", "0644", mode([](Options& o) -> auto& { return o.mount.file_mode; }),
     "The permissions of every file. A store keeps none of its own."},
    {"mount.directory_mode", "0755",
     mode([](Options& o) -> auto& { return o.mount.directory_mode; }),
     "The permissions of every directory."},
    {"mount.read_only",
     "true",
     {OptionType::kBoolean, "true: writing is not there yet, every mount is read-only",
      [](Options& o, std::string_view v) {
        if (parse_boolean(v) != true) return false;
        o.mount.read_only = true;
        return true;
      }},
     "Refuses writes. Writing is not there yet, so this can only be true."},
    {"mount.auto_unmount", "true",
     boolean([](Options& o) -> auto& { return o.mount.auto_unmount; }),
     "Takes the mount away when the daemon dies, however it dies, so that no dead directory stays "
     "behind."},
    {"mount.threads", "128",
     number(
         1, 1024, [](Options& o) -> auto& { return o.mount.threads; }),
     "Requests of the kernel served at once. One that waits for the store occupies a thread, so "
     "that reads from the cache go on while fewer than this wait. Threads start when they are "
     "needed, and all but 16 end when they are not."},
    {"mount.passthrough", "auto",
     choice<bool>(
         {{"auto", true}, {"off", false}}, [](Options& o) -> auto& { return o.mount.passthrough; }),
     "Lets the kernel read files of 128 KiB and more by itself, without the daemon, once all of a "
     "file is cached and checked. \"auto\": where Linux is 6.9 or newer and the daemon has "
     "CAP_SYS_ADMIN, as that of root has; elsewhere nothing changes. `augurfs status` says whether "
     "it is on, and why not."},

    {"prefetch.mode", "on",
     choice<PrefetchMode>(
         {{"off", PrefetchMode::kOff},
          {"shadow", PrefetchMode::kShadow},
          {"on", PrefetchMode::kOn}},
         [](Options& o) -> auto& { return o.prefetch.mode; }),
     "Whether to fetch ahead of what programs ask for. \"on\" reads ahead in files that are read "
     "in order, and fetches what `prefetch.brain` foresees; \"off\" fetches only what is asked "
     "for; \"shadow\" does so too, foresees all the same, and `augurfs prefetch report` says what "
     "would have come of it. `augurfs prefetch on|off|shadow|pause` changes it while it is "
     "mounted."},
    {"prefetch.brain", "true", boolean([](Options& o) -> auto& { return o.prefetch.brain; }),
     "Whether to foresee which files a program will open: the rest of a directory that it reads "
     "file by file, or what followed the last time. A process of its own thinks about that, "
     "augurfs-predictor, with neither network nor files; when it cannot run the mount goes on "
     "without."},
    {"prefetch.brain_memory", "512 MiB",
     size(
         128 * kMiB, 64 * kGiB, false,
         [](Options& o) -> auto& { return o.prefetch.brain_memory_bytes_max; }),
     "Memory that augurfs-predictor may use. When it wants more it ends and is started again."},
    {"prefetch.neural", "false", boolean([](Options& o) -> auto& { return o.prefetch.neural; }),
     "Whether augurfs-predictor also teaches a neural model what programs read, and follows it "
     "while that would have cost less than doing without it. Off because it has not been found to "
     "earn its place, see docs/prediction.md. It needs LibTorch (libtorch-dev) and some 210 MB of "
     "memory, and keeps what it has learned in the cache directory, 17 MB, unless "
     "`history.enabled` is off. `augurfs status` says how it does."},
    {"prefetch.max_transfers", "16",
     number(
         1, 1024, [](Options& o) -> auto& { return o.prefetch.transfers_max; }),
     "Connections that prefetching may hold at once. It never gets all: one of "
     "`remote.max_connections` is always left to programs that wait."},
    {"prefetch.budget", "unlimited",
     or_word(
         kUnlimited,
         size(
             0, 1024 * kTiB, false, [](Options& o) -> auto& { return o.prefetch.bytes_per_day; }),
         [](Options& o) -> auto& { return o.prefetch.bytes_per_day; }),
     "What may be fetched ahead in any 24 hours, restarts included. When it is used up, programs "
     "get what they ask for and nothing else, until what was fetched a day ago is forgotten. 0: "
     "nothing is fetched ahead, as with `prefetch.mode = \"off\"`. `augurfs status` says what is "
     "left."},
    {"prefetch.budget_requests", "unlimited",
     or_word(
         kUnlimited,
         number(
             0, 1'000'000'000, [](Options& o) -> auto& { return o.prefetch.requests_per_day; }),
         [](Options& o) -> auto& { return o.prefetch.requests_per_day; }),
     "How many requests may be made ahead of need in any 24 hours, for objects and for listings, "
     "where the store counts each of them. One that fails and is repeated counts once."},
    {"prefetch.max_window", "64 MiB",
     size(
         kMiB, kGiB, false, [](Options& o) -> auto& { return o.prefetch.window_bytes_max; }),
     "How far ahead of one open file to fetch. The window starts at 1 MiB and doubles up to this "
     "as long as the file is read in order. All windows together stay below 1 GiB and below an "
     "eighth of what the cache has room for, by `cache.size` and by what the disk has free."},
    {"prefetch.into_memory", "64 MiB",
     size(
         0, kTiB, false, [](Options& o) -> auto& { return o.prefetch.into_memory_bytes_max; }),
     "How much of what was fetched ahead may lie in the kernel's page cache without having been "
     "opened. Files of up to 1 MiB that are announced, or read with a probability of 0.8 or more, "
     "are put there once they are in the cache and the kernel knows their names, so that their "
     "first read does not wait for augurfs. What nobody has opened for a minute is not counted any "
     "more: the kernel drops it when it wants the room. Never more than a sixteenth of the memory "
     "that is available. 0: nothing is put there."},

    {"history.enabled", "true", boolean([](Options& o) -> auto& { return o.history.enabled; }),
     "Remembers accesses from one mount to the next. Without it nothing of them is written down, "
     "and what was before stays until `augurfs history wipe`."},
    {"history.size", "64 MiB",
     size(
         4 * kMiB, 64 * kGiB, false, [](Options& o) -> auto& { return o.history.size; }),
     "What the history may occupy; the oldest is forgotten first. A million accesses need some "
     "60 MiB. Up to an eighth of it is kept free for profiles that are imported. It is part of "
     "`cache.size` and at most an eighth of that; where an eighth is less "
     "than "
     "4 MiB there is no history."},
    {"history.age", "90 d",
     duration(
         1h, 24h * 36500, [](Options& o) -> auto& { return o.history.age; }),
     "How long an access is remembered."},
    {"history.exclude_programs", "updatedb*,tracker-*,baloo_*,clam*,restic,bacula-fd,bareos-fd",
     text(
         "file names of programs with commas between them, \"*\" and \"?\" as in a shell",
         is_printable, [](Options& o) -> auto& { return o.history.excluded_programs; }),
     "Programs that read everything and teach nothing: indexers, virus scanners, backups. What "
     "they "
     "read is neither remembered nor learned from, and nothing is fetched ahead for them."},
    {"history.exclude_paths", "",
     text(
         "patterns of paths with commas between them, \"*\" and \"?\" as in a shell", is_path_list,
         [](Options& o) -> auto& { return o.history.excluded_paths; }),
     "Files and directories, below the mount point, whose use is neither remembered nor learned "
     "from; nothing is fetched ahead in them. A pattern without \"/\" counts for every name in a "
     "path, and one that fits a directory for all that is in it: \"private,*.key,home/*/mail\"."},

    {"log.level", "info",
     choice<std::string>(
         {{"trace", "trace"},
          {"debug", "debug"},
          {"info", "info"},
          {"warn", "warn"},
          {"error", "error"}},
         [](Options& o) -> auto& { return o.log.level; }),
     "How much to write. \"trace\" writes a line for every read and slows them down."},
    {"log.file", "",
     text(
         "an absolute path, \"stderr\", \"journald\" or \"\"", is_log_file,
         [](Options& o) -> auto& { return o.log.file; }),
     "Where to write: a file, which is rotated, or \"journald\", or, for a mount in the "
     "foreground, \"stderr\". Empty: stderr for a mount in the foreground; otherwise "
     "~/.local/state/augurfs/NAME.log (XDG_STATE_HOME is "
     "honoured), or /var/log/augurfs/NAME.log for root, where NAME is derived from the mount "
     "point."},
};

// Words in the names that other programs give to what we never take as an option.
constexpr std::array<std::string_view, 9> kSecretWords = {"secret", "password",   "passwd",
                                                          "token",  "credential", "access_key",
                                                          "key_id", "accesskey",  "private_key"};

bool sounds_secret(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// How far `name` is from an option: from its full name, or from its key in the wrong section.
std::size_t distance(std::string_view name, const Option& option) {
  const std::string_view key = name.substr(name.find('.') + 1);
  const std::size_t wrong_section = key.size() == name.size() ? 0 : 1;
  return std::min(edit_distance(name, option.name),
                  edit_distance(key, option.key()) + wrong_section);
}

}  // namespace

std::string Option::environment_name() const {
  std::string variable = "AUGURFS_" + std::string(name);
  for (char& c : variable) {
    if (c == '.') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return variable;
}

const std::vector<Option>& option_table() { return kOptions; }

const std::vector<OptionSection>& option_sections() { return kSections; }

const Option* find_option(std::string_view name) {
  const Option* found = nullptr;
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
    if (option.key() != name) continue;
    if (found != nullptr) return nullptr;  // two sections have this key
    found = &option;
  }
  return found;
}

Error unknown_option(std::string_view name) {
  if (sounds_secret(name)) {
    return {ErrorCode::kInvalid,
            shown(name) +
                " is not an option: credentials are never taken from options or config files, "
                "which others can read; put them into AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, into ~/.aws/credentials (see remote.profile), or give "
                "the machine a role"};
  }
  const auto nearest = std::min_element(
      kOptions.begin(), kOptions.end(),
      [&](const Option& a, const Option& b) { return distance(name, a) < distance(name, b); });
  // What shares less than half of its characters with any option is no slip of the keyboard.
  const bool is_near = 2 * distance(name, *nearest) < name.size();
  return {ErrorCode::kInvalid,
          shown(name) + " is not an option; " +
              (is_near ? "the nearest is " + std::string(nearest->name)
                       : std::string("augurfs config --example lists them all"))};
}

Result<void> set_option(Options& options, const Option& option, std::string_view text) {
  if (text.find('\0') == std::string_view::npos && option.value.assign(options, text)) return {};
  return Error{ErrorCode::kInvalid, std::string(option.name) + " wants " + option.value.accepts +
                                        ", not " + shown(text)};
}

std::string toml_literal(const Option& option, std::string_view text) {
  const OptionType type = option.value.type;
  const bool bare = (type == OptionType::kBoolean || type == OptionType::kNumber) &&
                    text != kAuto && text != kUnlimited;
  return bare ? std::string(text) : "\"" + std::string(text) + "\"";
}

Options default_options() {
  Options options;
  // A default that its own row refuses is our bug; the test of the table finds it.
  for (const Option& option : kOptions) option.value.assign(options, option.default_value);
  return options;
}

Result<void> check_together(const Options& options) {
  const StoreOptions& remote = options.remote;
  if (remote.client_certificate.empty() != remote.client_key.empty()) {
    return Error{ErrorCode::kInvalid,
                 "remote.client_certificate and remote.client_key need each other; only one is "
                 "set"};
  }
  if (remote.anonymous && remote.requester_pays) {
    return Error{ErrorCode::kInvalid,
                 "remote.requester_pays needs credentials to be charged; remote.anonymous sends "
                 "none"};
  }
  return {};
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return line;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kBytesMax = 80;
  if (text.find('@') != std::string_view::npos) return "a value with '@' in it, not shown here";
  const bool whole = text.size() <= kBytesMax;
  return "'" + one_line(text.substr(0, kBytesMax)) + (whole ? "'" : "...'");
}

}  // namespace augurfs
