#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/cache.h"
#include "remote/guarded.h"
#include "support/faulty_store.h"
#include "support/hooked_disk.h"
#include "support/memory_store.h"
#include "support/seeds.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

constexpr std::uint32_t kSmallChunk = 4096;
constexpr std::uint32_t kBigChunk = 8192;
constexpr std::uint64_t kFloor = 1 << 30;  // of free space
constexpr std::uint64_t kKeys = 4;
constexpr int kThreads = 3;
constexpr int kRounds = 2;
constexpr int kOperationsPerRound = 12;  // of each thread

// Random operations of several threads on a cache over a store that errs, against a model: every
// version that ever was, with its content. A read brings the right bytes of the version it asked
// for, or an error; and once the store errs no more, every read succeeds.
class RandomRun {
 public:
  RandomRun(std::uint64_t seed, CacheStats& seen)
      : random_(seed), seen_(seen), faulty_(store_, {}, seed) {
    // Where gets may stall, every read is cancelled in the end.
    stalls_ = random_() % 3 == 0;
    faulty_.set_rates({.unavailable = 0.1,
                       .short_body = 0.05,
                       .reset = 0.05,
                       .stale = 0.03,
                       .stall = stalls_ ? 0.1 : 0.0});
    disk_errs_ = random_() % 4 == 0;
    disk_random_ = random_();
    // Others fill the disk and free it again, so that chunks are evicted now and then.
    disk_.free = [this] { return roll(10) == 0 ? kFloor - 12'000 : 2 * kFloor; };
    if (disk_errs_) {
      disk_.before = [this](HookedDisk::Operation) -> std::optional<Error> {
        if (roll(40) != 0) return std::nullopt;
        return Error{ErrorCode::kUnavailable, "the test's disk fails"};
      };
    }
    for (std::uint64_t key = 0; key < kKeys; ++key) replace(key_name(key), random_);
  }

  // What went wrong; empty when nothing did.
  std::vector<std::string> run() {
    for (int round = 0; round < kRounds && complaints_.lock()->empty(); ++round) {
      if (round > 0) damage();
      open();
      if (!cache_) break;
      std::vector<std::jthread> threads;
      threads.reserve(kThreads);
      for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([this, thread_seed = random_()] { operate(thread_seed); });
      }
      threads.clear();
      check_stats();
      cache_.reset();
    }
    faulty_.set_rates({});
    open();
    if (cache_) read_everything();
    cache_.reset();
    return *complaints_.lock();
  }

 private:
  using Random = std::mt19937_64;

  // One of so many faces, from any thread.
  std::uint64_t roll(std::uint64_t faces) {
    const std::uint64_t state = disk_random_ += 0x9e3779b97f4a7c15;
    return ((state ^ (state >> 29)) * 0xbf58476d1ce4e5b9 >> 33) % faces;
  }

  static std::string key_name(std::uint64_t n) { return "d/" + std::to_string(n % kKeys); }

  void complain(const std::string& what) { complaints_.lock()->push_back(what); }

  void open() {
    CacheOptions options;
    options.directory = directory_.path() / "cache";
    options.chunk_size_bytes = random_() % 4 == 0 ? kBigChunk : kSmallChunk;
    options.size_bytes_max = 64 << 20;
    options.free_space_bytes_min = kFloor;
    options.disk = &disk_;
    options.transfers_max = 1 + static_cast<int>(random_() % 4);
    options.prefetch_transfers_max = 2;
    options.metadata_ttl = std::chrono::milliseconds{random_() % 2 == 0 ? 0 : 60'000};
    // Time flies, so that what is remembered for a moment is forgotten within a run.
    options.now = [] {
      constexpr int kFaster = 1000;
      static const auto start = std::chrono::steady_clock::now();
      return start + kFaster * (std::chrono::steady_clock::now() - start);
    };
    auto cache = Cache::open(options, faulty_);
    if (cache) {
      cache_ = std::move(*cache);
    } else {
      complain("open: " + cache.error().message);
    }
  }

  void operate(std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < kOperationsPerRound; ++i) {
      const std::uint64_t choice = random() % 100;
      if (choice < 60) {
        read(any_version(random), random);
      } else if (choice < 75) {
        const Version version = any_version(random);
        cache_->reader().prefetch(version, {random() % (version.size + 1), random() % 50'000});
      } else if (choice < 85) {
        replace(key_name(random()), random);
      } else if (choice < 88) {
        store_.remove(key_name(random()));
      } else {
        ask(random);
      }
    }
  }

  Version any_version(Random& random) const {
    auto versions = versions_.lock();
    // The latest ones more often: the others are stale but where they are cached.
    const std::size_t back = std::min<std::size_t>(random() % 6, random() % versions->size());
    return (*versions)[versions->size() - 1 - back].first;
  }

  void replace(const std::string& key, Random& random) {
    std::string content(random() % 6 == 0 ? 0 : random() % 25'000, '\0');
    std::uint64_t state = random();
    for (char& c : content) {
      state = state * 6364136223846793005 + 1442695040888963407;
      c = static_cast<char>(state >> 56);
    }
    // Under the lock: nobody may see a version in the store that the model does not know.
    auto versions = versions_.lock();
    const Version version = store_.put(key, content);
    versions->emplace_back(version, std::move(content));
  }

  std::optional<std::string> content_of(const Version& version) const {
    auto versions = versions_.lock();
    for (const auto& [known, content] : *versions) {
      if (known == version) return content;
    }
    return std::nullopt;
  }

  void read(const Version& version, Random& random) {
    const std::uint64_t offset = random() % (version.size + 10);
    std::string out(random() % 12'000, '?');
    std::stop_source stop;
    std::jthread canceller;
    if (stalls_ || random() % 10 == 0) {
      canceller = std::jthread([stop, yields = random() % 50]() mutable {
        for (std::uint64_t i = 0; i < yields; ++i) std::this_thread::yield();
        stop.request_stop();
      });
    }
    const auto outcome = cache_->reader().read(
        version, offset, std::as_writable_bytes(std::span(out)), stop.get_token());
    if (outcome) {
      const std::string content = *content_of(version);
      const std::string right =
          offset < content.size() ? content.substr(offset, out.size()) : std::string();
      out.resize(outcome->bytes);
      if (out != right) complain("read of " + version.key + ": wrong bytes");
      return;
    }
    switch (outcome.error().code) {
      case ErrorCode::kUnavailable:
      case ErrorCode::kStale:
        break;
      case ErrorCode::kCancelled:
        if (!canceller.joinable()) complain("a read nobody cancelled: kCancelled");
        break;
      default:
        complain("read of " + version.key + ": " + outcome.error().message);
    }
  }

  void ask(Random& random) {
    std::stop_source stop;
    if (stalls_) stop.request_stop();  // what is not known is not asked for
    const std::string key = key_name(random());
    const auto check = [&](const ObjectInfo& info) {
      if (!content_of(info.version)) complain("a version of " + key + " that never was");
    };
    if (random() % 2 == 0) {
      if (const auto info = cache_->metadata().attributes(key, stop.get_token()); info && *info) {
        check(**info);
      }
    } else if (const auto listing = cache_->metadata().list("d/", stop.get_token()); listing) {
      for (const ObjectInfo& info : (*listing)->objects) check(info);
    }
  }

  // Flips a byte of what is on disk, here and there.
  void damage() {
    const auto objects = directory_.path() / "cache" / "objects";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(objects)) {
      if (!entry.is_regular_file() || entry.file_size() == 0 || random_() % 3 != 0) continue;
      std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
      const auto at = static_cast<std::streamoff>(random_() % entry.file_size());
      file.seekg(at);
      const auto byte = static_cast<char>(file.get() ^ 1);
      file.seekp(at);
      file.put(byte);
    }
  }

  void check_stats() {
    const CacheStats stats = cache_->stats();
    seen_.evicted_bytes += stats.evicted_bytes;
    seen_.corrupt_chunks += stats.corrupt_chunks;
    seen_.hits += stats.hits;
    seen_.misses += stats.misses;
    seen_.prefetch_used_bytes += stats.prefetch_used_bytes;
    seen_.unstored_chunks += stats.unstored_chunks;
    if (stats.bytes_used > stats.bytes_max) complain("more bytes on disk than the quota");
    if (!stats.disk_healthy && !disk_errs_) complain("the disk is said to be broken");
  }

  void read_everything() {
    std::map<std::string, std::pair<Version, std::string>> latest;
    for (const auto& [version, content] : *versions_.lock()) {
      latest[version.key] = {version, content};
    }
    for (const auto& [key, current] : latest) {
      const auto& [version, content] = current;
      if (!store_.head(key, {})) continue;
      std::string out(version.size, '?');
      const auto outcome =
          cache_->reader().read(version, 0, std::as_writable_bytes(std::span(out)), {});
      if (!outcome) {
        complain("the store errs no more, and still: " + outcome.error().message);
      } else if (out != content) {
        complain("read of all of " + key + ": wrong bytes");
      }
    }
  }

  Random random_;
  bool stalls_ = false;
  bool disk_errs_ = false;
  std::atomic<std::uint64_t> disk_random_ = 0;
  HookedDisk disk_;
  CacheStats& seen_;
  TemporaryDirectory directory_;
  MemoryStore store_;
  FaultyStore faulty_;
  std::unique_ptr<Cache> cache_;
  Guarded<std::vector<std::pair<Version, std::string>>> versions_;  // oldest first
  Guarded<std::vector<std::string>> complaints_;
};

TEST(CacheRandom, ReadsBringTheRightBytesOrAnError) {
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);  // what the damage leads to is not news
  const Seeds tried = seeds(200);
  CacheStats seen;
  for (std::uint64_t seed = tried.first; seed < tried.end() && !HasFailure(); ++seed) {
    for (const std::string& complaint : RandomRun(seed, seen).run()) {
      ADD_FAILURE() << "AUGURFS_TEST_SEED=" << seed << ": " << complaint;
    }
  }
  spdlog::set_level(level);
  if (tried.count < 100) return;
  // Enough of everything must have happened for this to mean something.
  EXPECT_GT(seen.evicted_bytes, 0);
  EXPECT_GT(seen.corrupt_chunks, 0);
  EXPECT_GT(seen.hits, tried.count);
  EXPECT_GT(seen.misses, tried.count);
  EXPECT_GT(seen.prefetch_used_bytes, 0);
}

}  // namespace
}  // namespace augurfs
