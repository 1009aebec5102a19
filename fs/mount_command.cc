#include "fs/mount_command.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cache/cache.h"
#include "fs/admin_socket.h"
#include "fs/daemon.h"
#include "fs/descriptor_limit.h"
#include "fs/file_system.h"
#include "fs/fuse_session.h"
#include "fs/log.h"
#include "fs/mount_answers.h"
#include "fs/mount_plan.h"
#include "fs/mount_point.h"
#include "fs/mount_status.h"
#include "fs/page_feed.h"
#include "fs/part_options.h"
#include "fs/print_error.h"
#include "fs/profile_answers.h"
#include "fs/runtime_directory.h"
#include "fs/watchdog.h"
#include "predictor/fetch_around.h"
#include "predictor/hint_ledger.h"
#include "predictor/history.h"
#include "predictor/prefetcher.h"
#include "predictor/readahead.h"
#include "predictor/reading_list.h"
#include "predictor/recollection.h"
#include "predictor/shadow.h"
#include "remote/open_store.h"

namespace augurfs {
namespace {

// The first key that begins so, or what the first ones have in common up to a slash; nullopt when
// there is none. In haste: who mounts waits for it.
Result<std::optional<std::string>> first_key(ObjectStore& store, const std::string& prefix,
                                             std::stop_token stop) {
  ListRequest request;
  request.prefix = prefix;
  request.delimiter = "/";  // what lies deeper may be hidden from us, and need not be asked for
  request.max_keys = 1;
  request.in_haste = true;
  auto page = store.list(request, std::move(stop));
  if (!page) return page.error();
  if (!page->prefixes.empty()) return std::move(page->prefixes.front());
  if (page->objects.empty()) return std::nullopt;
  return std::move(page->objects.front().version.key);
}

// One small listing, by the store that the mount will use: a wrong bucket, a denied access or a
// server that is not there is told now and exactly, not at the first read after minutes of
// patience. Its credentials and its connection serve the first read. Where there is nothing to
// read the result says so: an empty drive is more often a slip in the URL than meant.
Result<std::optional<std::string>> probe(ObjectStore& store, const StoreUrl& url,
                                         std::stop_token stop) {
  const auto found = first_key(store, url.prefix, stop);
  if (!found) return found.error();
  if (*found) return std::nullopt;
  const std::string place = url.to_string();
  if (url.prefix.empty()) return place + " holds nothing, so the drive is empty";
  const std::string object = url.prefix.substr(0, url.prefix.size() - 1);
  const auto itself = first_key(store, object, std::move(stop));
  if (!itself) return itself.error();
  if (*itself == object) {
    return place +
           " is an object and nothing lies below it, so the drive is empty; mount what is "
           "above it";
  }
  return "no key begins with " + place + ", so the drive is empty; is the URL right?";
}

// Whether the mount goes on without the store, with what is known from earlier ones; else what was
// wrong, and how it could.
Result<void> go_offline(const MountPlan& plan, const Error& error) {
  const bool no_answer = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
  if (no_answer && plan.options.metadata.stale_if_error.count() > 0) return {};
  std::error_code ignored;
  if (!no_answer || !std::filesystem::exists(plan.cache_directory / kListingsFile, ignored)) {
    return error;
  }
  return Error{error.code, error.message +
                               "; to mount what the cache knows without the store, set "
                               "metadata.stale_if_error, for example to \"30 d\""};
}

// A mount without its history is better than none.
std::unique_ptr<History> open_history(const MountPlan& plan) {
  const auto options = history_options(plan);
  if (!options) return nullptr;
  auto history = History::open(*options);
  if (history) return std::move(*history);
  spdlog::warn("history.unavailable message={:?}", history.error().message);
  return nullptr;
}

// How many bytes may be fetched ahead by one who does so, of whom each has an own.
std::function<std::uint64_t()> room_ahead(Cache& cache, std::uint64_t bytes_max) {
  constexpr std::uint64_t kCacheShare = 8;  // what was fetched ahead is read before it is evicted
  // Asked for each event, and the disk ten times a second at most: it fills no faster.
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kRenewal{100};
  return [&cache, bytes_max, bytes = std::uint64_t{0}, renew = Clock::time_point{}]() mutable {
    const Clock::time_point now = Clock::now();
    if (now >= renew) {
      bytes = std::min(bytes_max, cache.room_bytes() / kCacheShare);
      renew = now + kRenewal;
    }
    return bytes;
  };
}

// One round trip for each directory, whose listing then answers for the rest of it.
FindObject find_object(Cache& cache) {
  return [&cache](const std::string& key, std::stop_token stop) -> Result<std::optional<Version>> {
    const std::string parent(directory_prefix(key));
    auto child = cache.metadata().lookup(parent, key.substr(parent.size()), std::move(stop));
    if (!child) return child.error();
    if (!child->object) return std::nullopt;
    return std::move(child->object->version);
  };
}

FileSystemOptions file_system_options(const MountPlan& plan) {
  FileSystemOptions out;
  out.prefix = plan.url.prefix;
  out.exclusions =
      Exclusions(plan.options.history.excluded_programs, plan.options.history.excluded_paths);
  return out;
}

// How far away a directory plays to be is not part of what it is.
ProfilePlace profile_place(const MountPlan& plan) {
  const FileSystemOptions options = file_system_options(plan);
  StoreUrl url = plan.url;
  url.query.clear();
  return {.url = url.to_string(), .prefix = options.prefix, .exclusions = options.exclusions};
}

// As the file system tells of a directory that was listed. Not when a listing is believed for no
// time at all: it would be asked for again.
ListDirectory list_ahead(const MountPlan& plan, Cache& cache) {
  if (plan.options.metadata.ttl.count() == 0) return nullptr;
  const FileSystemOptions options = file_system_options(plan);
  return [&cache, exclusions = options.exclusions, prefix_bytes = options.prefix.size()](
             const std::string& prefix,
             std::stop_token stop) -> Result<std::shared_ptr<const Listing>> {
    auto listing = cache.metadata().list_ahead(prefix, std::move(stop));
    if (!listing) return listing;
    return exclusions.without_excluded(std::move(*listing), prefix_bytes);
  };
}

std::unique_ptr<Prefetcher> make_prefetcher(const MountPlan& plan, Cache& cache, History* history,
                                            Recollection* past, HintLedger& ledger, Shadow& shadow,
                                            ReadingList& reading_list) {
  ReadaheadOptions options;
  options.window_bytes_max = plan.options.prefetch.window_bytes_max;
  options.ahead_bytes_max = room_ahead(cache, kReadaheadBytesMax);
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(reading_list.follower());
  experts.push_back(std::make_unique<Readahead>(options));
  FetchAroundOptions around;
  around.around_bytes = [&reader = cache.reader()] {
    const FetchPace pace = reader.pace();
    return pace.measured ? bytes_of_round_trip(pace.to_first_byte, pace.per_mib) : 0;
  };
  around.object_bytes_max = options.ahead_bytes_max;
  experts.push_back(std::make_unique<FetchAround>(around));
  PrefetcherOptions prefetcher{
      .history = history, .ledger = &ledger, .budget = cache.prefetch_budget()};
  prefetcher.list = list_ahead(plan, cache);
  if (plan.options.prefetch.brain) {
    prefetcher.brain = brain_options(plan, cache.stats().bytes_max);
    prefetcher.brain->past = past;
    // What another mount with this cache directory showed, this one may not.
    prefetcher.find = [object = find_object(cache), prefix = plan.url.prefix](
                          const std::string& key,
                          std::stop_token stop) -> Result<std::optional<Version>> {
      if (!key.starts_with(prefix)) return std::nullopt;
      return object(key, std::move(stop));
    };
  }
  if (plan.options.prefetch.mode == PrefetchMode::kOff) prefetcher.paused_until = kForGood;
  prefetcher.shadow = &shadow;
  prefetcher.in_shadow = plan.options.prefetch.mode == PrefetchMode::kShadow;
  return std::make_unique<Prefetcher>(cache.reader(), std::move(experts), prefetcher);
}

// Of the cache, what it may hold unused before such chunks make room for each other.
std::unique_ptr<Shadow> make_shadow(const MountPlan& plan, Cache& cache) {
  ChunkReader& reader = cache.reader();
  ShadowOptions options;
  options.layout = [&reader](const Version& version) { return reader.layout(version); };
  options.is_there = [&reader](const Version& version, std::uint32_t chunk) {
    return reader.is_there(version, chunk);
  };
  options.pace = [&reader] { return reader.pace(); };
  const auto bytes_max = static_cast<double>(cache.stats().bytes_max);
  options.bytes_max = static_cast<std::uint64_t>(bytes_max * EvictionOptions().staging_share);
  options.flights_max = plan.options.prefetch.transfers_max;
  return std::make_unique<Shadow>(std::move(options));
}

// `prefix` is that of the mount.
void start_reading_list(ReadingList& reading_list, const std::string& prefix, Cache& cache,
                        Prefetcher& prefetcher) {
  const auto find = [object = find_object(cache), prefix](const std::string& path,
                                                          std::stop_token stop) {
    return object(prefix + path, std::move(stop));
  };
  const auto fetch = [&prefetcher](const Version& version, ByteRange range) {
    prefetcher.see(version);
    const Candidate candidate{
        .object = object_id(version.key), .range = range, .expert = ExpertId::kReadingList};
    prefetcher.hint({&candidate, 1});
  };
  reading_list.start(find, fetch, room_ahead(cache, ReadingList::kBytesAheadMax));
}

// Everything that makes up a running mount, in the order in which it rests on one another.
class Mount {
 public:
  explicit Mount(const MountPlan& plan) : plan_(plan) {}

  Result<void> open(std::stop_token stop) {
    const auto turn = take_turn(plan_.mount_point);
    if (!turn) return turn.error();
    auto store = open_store(plan_.url, plan_.options.remote);
    if (!store) return store.error();
    store_ = std::move(*store);
    const auto doubt = probe(*store_, plan_.url, std::move(stop));
    if (!doubt) {
      if (auto offline = go_offline(plan_, doubt.error()); !offline) return offline.error();
    }
    const auto options = cache_options(plan_);
    if (!options) return options.error();
    auto cache = Cache::open(*options, *store_);
    if (!cache) return cache.error();
    cache_ = std::move(*cache);
    if (!doubt) cache_->metadata().set_unreachable();
    history_ = open_history(plan_);
    if (history_ != nullptr) past_ = std::make_unique<Recollection>(*history_);
    shadow_ = make_shadow(plan_, *cache_);
    prefetcher_ = make_prefetcher(plan_, *cache_, history_.get(), past_.get(), ledger_, *shadow_,
                                  reading_list_);
    start_reading_list(reading_list_, plan_.url.prefix, *cache_, *prefetcher_);
    file_system_ =
        std::make_unique<FileSystem>(file_system_options(plan_), *cache_, prefetcher_.get());
    auto session = FuseSession::mount(session_options(plan_), *file_system_);
    if (!session) return session.error();
    session_ = std::move(*session);
    page_feed_ = std::make_unique<PageFeed>(
        PageFeedOptions{.unopened_bytes_max = plan_.options.prefetch.into_memory_bytes_max},
        *file_system_, cache_->reader(),
        [session = session_.get()](InodeNumber inode, std::span<const std::byte> bytes) {
          return session->store(inode, bytes);
        });
    open_admin_socket();
    if (!doubt) {
      warn("mount.offline", doubt.error().message + "; the drive shows what the cache knows");
    } else if (*doubt) {
      warn("mount.empty", **doubt);
    }
    return {};
  }

  FuseSession& session() { return *session_; }

 private:
  void warn(const char* event, const std::string& message) const {
    spdlog::warn("{} message={:?}", event, message);
    if (plan_.log_file != "stderr") print_error(message);
  }

  // A mount without its status is better than none.
  void open_admin_socket() {
    auto directory = make_runtime_directory(plan_.sockets);
    if (!directory) {
      spdlog::warn("admin.unavailable message={:?}", directory.error().message);
      return;
    }
    AdminAnswers answers = mount_answers(*cache_, *file_system_, *prefetcher_, reading_list_,
                                         ledger_, *shadow_, history_.get());
    answers.merge(
        profile_answers(*file_system_, *prefetcher_, history_.get(), profile_place(plan_)));
    auto admin = AdminSocket::open(
        socket_path(plan_.sockets, plan_.mount_point), [this] { return to_json(status()); },
        answers);
    if (!admin) {
      spdlog::warn("admin.unavailable message={:?}", admin.error().message);
      return;
    }
    admin_ = std::move(*admin);
  }

  MountStatus status() const {
    MountStatus out;
    out.url = plan_.url.to_string();
    out.mount_point = plan_.mount_point;
    out.cache_directory = plan_.cache_directory;
    out.version = AUGURFS_VERSION;
    out.process = static_cast<std::uint32_t>(::getpid());
    out.uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                                  started_);
    out.remote = store_->stats();
    out.cache = cache_->stats();
    out.metadata = cache_->metadata().stats();
    out.file_system = file_system_->stats();
    out.prefetcher = prefetcher_->stats();
    out.reading_list = reading_list_.stats();
    if (const PrefetchBudget* budget = cache_->prefetch_budget()) {
      out.prefetch_per_day = budget->per_day();
      out.prefetch_spent = budget->spent();
    }
    out.prefetch_paused = pause_left(*prefetcher_);
    out.prefetch_in_shadow = prefetcher_->in_shadow();
    out.history_enabled = history_ != nullptr;
    if (history_ != nullptr) out.history = history_->stats();
    out.page_feed = page_feed_->stats();
    out.passthrough = session_->passthrough();
    return out;
  }

  const MountPlan& plan_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<Cache> cache_;
  HintLedger ledger_;
  std::unique_ptr<Shadow> shadow_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Recollection> past_;
  std::unique_ptr<Prefetcher> prefetcher_;
  ReadingList reading_list_;
  std::unique_ptr<FileSystem> file_system_;
  std::unique_ptr<FuseSession> session_;
  std::unique_ptr<PageFeed> page_feed_;
  std::unique_ptr<AdminSocket> admin_;
};

sigset_t ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  return signals;
}

// Asks to stop when the process is told to end. The signals are blocked in every thread.
class SignalWatch {
 public:
  SignalWatch()
      : thread_([this] {
          const sigset_t signals = ending_signals();
          int signal = 0;
          ::sigwait(&signals, &signal);
          source_.request_stop();
        }) {}
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch() {
    ::pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }

  std::stop_token token() const { return source_.get_token(); }
  void end() { source_.request_stop(); }

 private:
  std::stop_source source_;
  std::thread thread_;
};

Result<void> serve_mount(const MountPlan& plan, const Ready& ready) {
  SignalWatch signals;
  Mount mount(plan);
  if (auto opened = mount.open(signals.token()); !opened) return opened;
  FuseSession& session = mount.session();
  const std::stop_callback stop_session(signals.token(), [&session] { session.stop(); });
  bool abandoned = false;
  const auto on_ready = [&] {
    spdlog::info("mount.ready directory={:?} source={:?}", plan.mount_point.string(),
                 plan.url.to_string());
    abandoned = !ready();
    if (abandoned) signals.end();
  };
  auto served = session.run(on_ready);
  spdlog::info("mount.ended directory={:?}", plan.mount_point.string());
  if (served && abandoned) return Error{ErrorCode::kCancelled, "nobody waited for the mount"};
  return served;
}

Result<void> serve(const MountCommand& command, const Environment& environment,
                   const Ready& ready) {
  ::umask(S_IRWXG | S_IRWXO);  // cache, log and socket are for their user alone
  raise_descriptor_limit();
  const auto planned = plan_mount(command, environment);
  if (!planned) return planned.error();
  std::unique_ptr<Watchdog> watchdog;
  if (command.options.mount.auto_unmount) {
    auto started = Watchdog::start(planned->mount_point);
    if (!started) return started.error();
    watchdog = std::move(*started);
  }
  // Before the first thread starts: all of them leave these signals to SignalWatch.
  const sigset_t signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (auto log = start_log(planned->log_file, command.options.log.level); !log) return log;
  auto served = serve_mount(*planned, ready);
  if (!served) spdlog::error("mount.failed message={:?}", served.error().message);
  stop_log();
  return served;
}

}  // namespace

int run_mount(const MountCommand& command, const Environment& environment) {
  const auto directory = absolute_path(command.directory);
  if (!directory) {
    print_error(directory.error().message);
    return 1;
  }
  MountCommand from_anywhere = command;  // the daemon leaves the directory it was started in
  from_anywhere.directory = *directory;
  const Serve body = [&](const Ready& ready) { return serve(from_anywhere, environment, ready); };
  return command.foreground ? run_in_foreground(body) : run_in_background(body);
}

}  // namespace augurfs
