#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/chunk_store.h"
#include "cache/circuit_breaker.h"
#include "support/chunk_store_fixture.h"
#include "support/forgetful_disk.h"
#include "support/manual_clock.h"
#include "support/seeds.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;
using Operation = HookedDisk::Operation;

constexpr std::uint32_t kSmallChunkBytes = 4096;
constexpr std::uint32_t kLargeChunkBytes = 65'536;

// Random operations against a model: what must be there (written, indexed, never evicted since)
// is there with the right bytes; anything else is right or absent; the quota always holds.
class ChunkStoreModel : public ChunkStoreFixture {
 protected:
  void start(std::uint64_t seed) {
    random_.seed(seed);
    stdfs::remove_all(options_.directory);
    damaged_ = false;
    evicted_before_ = 0;
    versions_.clear();
    kept_.clear();
    for (int i = 0; i < 12; ++i) {
      versions_.push_back({"key" + std::to_string(i / 2), std::to_string(i),
                           1 + random(i % 3 == 0 ? 10'000 : 4 * kLargeChunkBytes)});
    }
    options_.disk = &disk_;
    options_.now = clock_.function();
    options_.chunk_size_bytes = kLargeChunkBytes;
    options_.size_bytes_max = quota_for(0);
    disk_.before = nullptr;
    // Looks at the worst moment: when bytes have just been added.
    disk_.after = [this](Operation operation) {
      if (operation != Operation::kWrite || random(8) != 0) return;
      EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
    };
    store_ = open_store(options_);
  }

  void step() {
    const std::uint64_t dice = random(200);
    if (dice < 110) return write();
    if (dice < 170) return read();
    if (dice < 180) return fill();
    if (dice < 186) return reopen();
    if (dice < 190) return kill();
    if (dice < 194) return damage();
    if (dice < 196) return toggle_faults();
    if (dice < 198) return lose();
    EXPECT_TRUE(store_->flush() || disk_.before);
  }

  void finish() {
    disk_.before = nullptr;
    reopen();
    check_all();
    store_.reset();
  }

 private:
  using Place = std::pair<std::size_t, std::uint32_t>;  // which version, which chunk

  std::uint64_t random(std::uint64_t below) { return random_() % below; }

  std::uint32_t chunks(std::size_t version) const {
    const std::uint64_t size = store_->chunk_size(versions_[version]);
    return static_cast<std::uint32_t>((versions_[version].size + size - 1) / size);
  }

  Place anywhere() {
    const std::size_t version = random(versions_.size());
    return {version, static_cast<std::uint32_t>(random(chunks(version)))};
  }

  void check(std::size_t version, std::uint32_t chunk) {
    forget_if_evicted();
    const bool there = get(*store_, versions_[version], chunk);
    EXPECT_TRUE(there || !kept_.contains({version, chunk}));
  }

  void check_all() {
    for (std::size_t version = 0; version < versions_.size(); ++version) {
      for (std::uint32_t chunk = 0; chunk < chunks(version); ++chunk) check(version, chunk);
    }
  }

  void write() {
    const auto [version, chunk] = anywhere();
    const auto origin = random(4) == 0 ? Origin::kPrefetch : Origin::kDemand;
    // As a reader does: what the index says is believed only once it has been read.
    get(*store_, versions_[version], chunk);
    const bool kept = put(*store_, versions_[version], chunk, origin);
    EXPECT_TRUE(kept || damaged_);
    if (kept) {
      kept_.insert({version, chunk});
    } else {
      kept_.erase({version, chunk});  // a failing disk took what was there, and takes no more
    }
    forget_if_evicted();
  }

  void read() {
    const auto [version, chunk] = anywhere();
    if (disk_.before) kept_.clear();
    check(version, chunk);
    if (!store_->contains(versions_[version], chunk)) return;
    const std::size_t length = chunk_length(*store_, versions_[version], chunk);
    const std::size_t offset = random(length);
    std::vector<std::byte> out(1 + random(length - offset));
    if (!store_->read(versions_[version], chunk, static_cast<std::uint32_t>(offset), out)) return;
    const std::uint64_t start = std::uint64_t{chunk} * store_->chunk_size(versions_[version]);
    EXPECT_EQ(out, content(versions_[version], start + offset, out.size()));
  }

  // Chunks that nobody asks for again, until something has to go.
  void fill() {
    for (int i = 0; i < 40; ++i) {
      const std::string key = "filler" + std::to_string(random_());
      put(*store_, {key, "1", kLargeChunkBytes}, 0);
    }
    forget_if_evicted();
  }

  void reopen() {
    // What closing would evict goes here, where it is seen.
    EXPECT_TRUE(store_->flush() || disk_.before);
    forget_if_evicted();
    store_.reset();
    if (random(2) == 0) {
      options_.chunk_size_bytes = random(2) == 0 ? kSmallChunkBytes : kLargeChunkBytes;
    }
    open_again();
  }

  void kill() {
    const auto old = options_.directory;
    if (random(2) == 0) {
      EXPECT_TRUE(store_->flush() || disk_.before);
    } else {
      kept_.clear();
      damaged_ = true;  // the index may tell of a file that is gone
    }
    options_.directory = temporary_.path() / ("killed" + std::to_string(++killed_));
    copy_as_killed(old, options_.directory);
    store_.reset();
    stdfs::remove_all(old);
    open_again();
  }

  void damage() {
    if (disk_.before) return;
    store_.reset();
    const auto files = object_files(options_.directory);
    if (!files.empty()) damage_file(files[random(files.size())]);
    if (random(4) == 0) damage_file(options_.directory / "index.db");
    kept_.clear();
    damaged_ = true;
    open_again();
    // Until its first read a damaged chunk passes for one that is there.
    check_all();
  }

  void damage_file(const stdfs::path& file) {
    const auto size = stdfs::file_size(file);
    const auto kind = random(3);
    if (kind == 0) {
      stdfs::remove(file);
    } else if (kind == 1) {
      stdfs::resize_file(file, random(size + 1));
    } else if (size > 0) {
      const auto fd = real_disk().open(file, O_RDWR).value();
      std::vector<std::byte> noise(1 + random(64), static_cast<std::byte>(random(256)));
      ASSERT_TRUE(real_disk().write(fd.get(), random(size), noise));
    }
  }

  // What the kernel has not brought to the disk yet.
  void lose() {
    if (disk_.before) return;
    disk_.lose();
    damaged_ = true;
    kept_.clear();
    check_all();
    clock_.advance(CircuitBreaker::kRetryAfter);
    // A file that is open may yet be told of the loss, and what is put into it would go with it.
    disk_.forget_errors();
    reopen();
  }

  void toggle_faults() {
    if (disk_.before) {
      disk_.before = nullptr;
      clock_.advance(CircuitBreaker::kRetryAfter);
      EXPECT_TRUE(store_->flush());
      return;
    }
    disk_.before = [this](Operation) -> std::optional<Error> {
      if (random(6) != 0) return std::nullopt;
      return Error{ErrorCode::kUnavailable, "the test's disk fails"};
    };
    damaged_ = true;
    kept_.clear();
  }

  void open_again() {
    auto opened = ChunkStore::open(options_);
    if (!opened) {
      // Damage that reads as another program's index or another store's name is refused.
      ASSERT_TRUE(damaged_ && opened.error().code == ErrorCode::kInvalid) << opened.error().message;
      kept_.clear();
      stdfs::remove_all(options_.directory);
      opened = ChunkStore::open(options_);
    }
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    evicted_before_ = store_->stats().evicted_bytes;
    if (evicted_before_ != 0) kept_.clear();
  }

  void forget_if_evicted() {
    const std::uint64_t evicted = store_->stats().evicted_bytes;
    if (evicted == evicted_before_) return;
    evicted_before_ = evicted;
    kept_.clear();
  }

  std::mt19937_64 random_;
  ForgetfulDisk disk_;
  ManualClock clock_;
  std::unique_ptr<ChunkStore> store_;
  std::vector<Version> versions_;
  std::set<Place> kept_;
  std::uint64_t evicted_before_ = 0;
  bool damaged_ = false;
  int killed_ = 0;
};

TEST_F(ChunkStoreModel, RandomOperationsFindRightBytesOrNothing) {
  const Seeds tried = seeds(20);
  for (std::uint64_t seed = tried.first; seed < tried.end() && !HasFailure(); ++seed) {
    SCOPED_TRACE("AUGURFS_TEST_SEED=" + std::to_string(seed));
    start(seed);
    for (int i = 0; i < 200 && !HasFailure(); ++i) step();
    finish();
  }
}

}  // namespace
}  // namespace augurfs
