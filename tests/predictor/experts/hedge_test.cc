#include "predictor/experts/hedge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

namespace augurfs {
namespace {

constexpr std::uint32_t kChunkBytes = 4096;
constexpr std::size_t kObjects = 1000;

std::string name(std::size_t number) { return "o" + std::to_string(number % kObjects); }

Candidate whole(std::size_t number, ExpertId expert, float probability = 0.9F) {
  return {.object = object_id(name(number)),
          .range = {0, kChunkBytes},
          .probability = probability,
          .expert = expert};
}

// Says of each read what it is told to.
class Says : public Expert {
 public:
  using What = std::function<void(std::size_t read, std::vector<Candidate>& candidates)>;

  explicit Says(What what) : what_(std::move(what)) {}
  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    if (event.operation == Operation::kRead) what_(event.handle, candidates);
  }

 private:
  const What what_;
};

// Reads objects of one chunk, a tenth of a second apart, in a world where a fetch takes as long as
// Hedge thinks before it has seen one. The number of the read is the event's handle.
class Player {
 public:
  explicit Player(Says::What what, HedgeOptions options = {}) {
    std::vector<std::unique_ptr<Expert>> experts;
    experts.push_back(std::make_unique<Says>(std::move(what)));
    options.chunk_bytes = kChunkBytes;
    if (options.cache_bytes == 0) options.cache_bytes = 100 * kChunkBytes;
    hedge = std::make_unique<Hedge>(
        options, std::make_unique<Gate>(GateOptions{.chunk_bytes = kChunkBytes, .horizon_reads = 8},
                                        std::move(experts)));
    for (std::size_t i = 0; i < kObjects; ++i) catalog.see({name(i), "", kChunkBytes});
  }

  // What it asks for then.
  const std::vector<Candidate>& read(std::size_t object) {
    Event event;
    event.time = std::chrono::steady_clock::time_point(std::chrono::milliseconds(100) * ++reads);
    event.handle = object;
    event.stream = 1;
    event.object = object_id(name(object));
    event.object_bytes = kChunkBytes;
    event.range = {0, kChunkBytes};
    asked.clear();
    hedge->observe(event, catalog, asked);
    return asked;
  }

  std::unique_ptr<Hedge> hedge;
  Catalog catalog;
  std::vector<Candidate> asked;
  std::size_t reads = 0;
};

// PPM is right; what names say never comes true.
void one_right_one_wrong(std::size_t read, std::vector<Candidate>& candidates) {
  candidates.push_back(whole(read + 1, ExpertId::kPpm));
  candidates.push_back(whole(read + kObjects / 2, ExpertId::kNameTemplates));
}

TEST(Hedge, BelievesWhoIsRight) {
  Player player(one_right_one_wrong);
  for (std::size_t i = 0; i < 2000; ++i) player.read(i);
  ASSERT_EQ(player.read(2000).size(), 1U);
  EXPECT_EQ(player.asked[0].object, object_id(name(2001)));
  EXPECT_LT(player.hedge->weight(Hedge::Arm::kNone), 0.1);
  EXPECT_LT(player.hedge->weight(Hedge::Arm::kNames), 0.1);
}

// Its bytes all come at once and what they save comes later: cp -r of a large directory.
TEST(Hedge, DoesNotHoldBackWhatIsFetchedFarAheadAndAllRead) {
  constexpr std::size_t kAhead = 200;
  constexpr std::size_t kAtOnce = 32;
  std::size_t said = 1;
  const auto sweep = [&](std::size_t read, std::vector<Candidate>& candidates) {
    const std::size_t end = std::min({read + kAhead, said + kAtOnce, kObjects});
    for (; said < end; ++said) candidates.push_back(whole(said, ExpertId::kDirectorySweep));
  };
  Player player(sweep, {.cache_bytes = kObjects * kChunkBytes});
  std::size_t asked = 0;
  for (std::size_t i = 0; i < kObjects; ++i) asked += player.read(i).size();
  EXPECT_EQ(said, kObjects);
  EXPECT_EQ(asked, kObjects - 1);
}

TEST(Hedge, FollowsAnotherWhenTheWorldChanges) {
  bool turned = false;
  Player player([&](std::size_t read, std::vector<Candidate>& candidates) {
    candidates.push_back(whole(read + (turned ? kObjects / 2 : 1), ExpertId::kPpm));
    candidates.push_back(whole(read + (turned ? 1 : kObjects / 2), ExpertId::kNameTemplates));
  });
  for (std::size_t i = 0; i < 2000; ++i) player.read(i);
  EXPECT_LT(player.hedge->weight(Hedge::Arm::kNames), 0.1);
  turned = true;
  for (std::size_t i = 2000; i < 4000; ++i) player.read(i);
  ASSERT_EQ(player.read(4000).size(), 1U);
  EXPECT_EQ(player.asked[0].expert, ExpertId::kNameTemplates);
  EXPECT_LT(player.hedge->weight(Hedge::Arm::kPpm), 0.1);
}

// Goal G4: at most 2 % more traffic where nothing can be foreseen.
TEST(Hedge, AsksForNothingWhenNothingThatIsSaidComesTrue) {
  std::mt19937 random(1);
  Player player([&](std::size_t /*read*/, std::vector<Candidate>& candidates) {
    for (int i = 0; i < 4; ++i) candidates.push_back(whole(random() % kObjects, ExpertId::kPpm));
  });
  std::mt19937 reads(2);
  std::size_t asked = 0;
  for (std::size_t i = 0; i < 4000; ++i) {
    const std::size_t count = player.read(reads() % kObjects).size();
    if (i >= 1000) asked += count;
  }
  EXPECT_LE(asked, 3000 * 2 / 100);
  EXPECT_LT(player.hedge->weight(Hedge::Arm::kAll), 0.1);
}

// Of four things that are said one comes true, and nobody can tell which: all of them would be four
// times the traffic.
TEST(Hedge, KeepsToItsBudget) {
  std::mt19937 random(1);
  Player player([&](std::size_t read, std::vector<Candidate>& candidates) {
    const std::size_t right = random() % 4;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t wrong = 100 + random() % (kObjects - 200);
      candidates.push_back(whole(read + (i == right ? 1 : wrong), ExpertId::kPpm, 0.5F));
    }
  });
  constexpr Tick kFetch = std::chrono::milliseconds(50);
  constexpr std::size_t kReads = 20'000;
  GhostCache cache({.cache_bytes = 100 * kChunkBytes});
  std::uint64_t fetched_early = 0;
  const auto chunk_of = [](ObjectId object) {
    return std::array{GhostCache::Chunk{{static_cast<std::uint64_t>(object), 0}, kChunkBytes}};
  };
  for (std::size_t i = 0; i < kReads; ++i) {
    const Tick now = std::chrono::milliseconds(100) * i;
    cache.read(chunk_of(object_id(name(i)))[0], now, kFetch);
    for (const Candidate& candidate : player.read(i)) {
      cache.prefetch(chunk_of(candidate.object), now, now, kFetch, 1);
    }
    if (i + 1 == kReads / 4) fetched_early = cache.fetched_bytes();
  }
  EXPECT_GT(player.hedge->price(), BytePriceOptions().first);
  // Without prefetch each read is a miss.
  const double traffic = static_cast<double>(cache.fetched_bytes() - fetched_early) /
                         static_cast<double>(kReads * 3 / 4 * kChunkBytes);
  EXPECT_LE(traffic, 1.1 * HedgeOptions().traffic_max) << "the price follows, and is late";
  EXPECT_GE(traffic, 1.2) << "it leaves what it may spend";
}

TEST(Hedge, AsksForReadaheadUnlessSomebodyElseReadsAhead) {
  const auto ahead = [](std::size_t read, std::vector<Candidate>& candidates) {
    candidates.push_back(whole(read + 1, ExpertId::kReadahead));
  };
  Player alone(ahead);
  Player beside(ahead, {.beside_readahead = true});
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(alone.read(i).size(), 1U);
    EXPECT_TRUE(beside.read(i).empty());
  }
  EXPECT_LT(alone.hedge->weight(Hedge::Arm::kNone), 0.1);
  EXPECT_NEAR(beside.hedge->weight(Hedge::Arm::kNone), beside.hedge->weight(Hedge::Arm::kReadahead),
              1e-9)
      << "both are what happens anyway";
}

TEST(Hedge, HandsListingsOn) {
  Player player([](std::size_t /*read*/, std::vector<Candidate>& candidates) {
    candidates.push_back({.object = object_id("d/"), .expert = ExpertId::kDirectorySweep});
  });
  for (std::size_t i = 0; i < 500; ++i) ASSERT_EQ(player.read(i).size(), 1U);
  EXPECT_TRUE(player.asked[0].is_listing());
}

TEST(Hedge, IsTheSameForTheSameEvents) {
  Player a(one_right_one_wrong);
  Player b(one_right_one_wrong);
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t asked = a.read(i * i).size();
    EXPECT_EQ(b.read(i * i).size(), asked);
  }
  EXPECT_EQ(a.hedge->weight(Hedge::Arm::kPpm), b.hedge->weight(Hedge::Arm::kPpm));
}

// A cache for two million objects of half a chunk, of which a thousand are read.
TEST(Hedge, SimulatesNoMoreOfALargeCacheThanItMay) {
  Player player(one_right_one_wrong,
                {.cache_bytes = std::uint64_t{kChunkBytes} << 20, .ghost_chunks_max = 64});
  for (std::size_t i = 0; i < 20 * kObjects; ++i) {
    player.read(i);
    ASSERT_LE(player.hedge->ghost_chunks(), 3U * 64);
  }
}

TEST(Hedge, OfSmallObjectsItSimulatesFewer) {
  Player player(one_right_one_wrong,
                {.cache_bytes = std::uint64_t{kChunkBytes} * 64, .ghost_chunks_max = 64});
  for (std::size_t i = 0; i < kObjects; ++i) player.catalog.see({name(i), "", 1});
  for (std::size_t i = 0; i < 20 * kObjects; ++i) {
    player.read(i);
    ASSERT_LE(player.hedge->ghost_chunks(), 3U * 64 + 32);
  }
}

// Makes of any lesson a model that finds what lies in "right/" fit, whatever was read before.
class Prompter : public Trainer {
 public:
  std::optional<float> train(std::span<const Episode> /*batch*/, NeuralWeights& weights) override {
    std::fill(weights.values().begin(), weights.values().end(), 0.0F);
    const auto wrong_bag = features_of({"wrong/0", "", kChunkBytes});
    const auto wrong = wrong_bag.rows();
    const auto right_bag = features_of({"right/0", "", kChunkBytes});
    for (const std::uint16_t row : right_bag.rows()) {
      const bool in_both = std::find(wrong.begin(), wrong.end(), row) != wrong.end();
      if (!in_both) weights.at(Matrix::kTable)[row * kVector] = 2;
    }
    *weights.at(Matrix::kQueryBias) = 1;
    return 1;
  }
};

std::unique_ptr<NeuralTerm> model_of(std::unique_ptr<Trainer> trainer) {
  return std::make_unique<NeuralTerm>(
      NeuralTermOptions{.chunk_bytes = kChunkBytes},
      std::make_unique<Learner>(LearnerOptions{}, std::move(trainer)));
}

// Two never seen files are said of each read; only where they lie tells which of them comes true.
class TwoDirectories : public Expert {
 public:
  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    for (const char* const directory : {"right/", "wrong/"}) {
      candidates.push_back({.object = object_id(directory + std::to_string(event.handle + 1)),
                            .range = {0, kChunkBytes},
                            .probability = 0.5F,
                            .expert = ExpertId::kPpm});
    }
  }
};

struct InTwoDirectories {
  explicit InTwoDirectories(std::unique_ptr<NeuralTerm> neural) {
    std::vector<std::unique_ptr<Expert>> experts;
    experts.push_back(std::make_unique<TwoDirectories>());
    const HedgeOptions options{.chunk_bytes = kChunkBytes, .cache_bytes = 100 * kChunkBytes};
    hedge = std::make_unique<Hedge>(
        options, std::make_unique<Gate>(GateOptions{.chunk_bytes = kChunkBytes, .horizon_reads = 8},
                                        std::move(experts), std::move(neural)));
  }
  std::vector<ObjectId> read(std::uint64_t number) {
    for (const char* const directory : {"right/", "wrong/"}) {
      catalog.see({directory + std::to_string(number + 1), "", kChunkBytes});
    }
    Event event;
    event.time = std::chrono::steady_clock::time_point(std::chrono::milliseconds(100) * number);
    event.handle = number;
    event.object = object_id("right/" + std::to_string(number));
    event.object_bytes = kChunkBytes;
    event.range = {0, kChunkBytes};
    std::vector<Candidate> candidates;
    hedge->observe(event, catalog, candidates);
    std::vector<ObjectId> asked;
    for (const Candidate& candidate : candidates) asked.push_back(candidate.object);
    return asked;
  }
  std::unique_ptr<Hedge> hedge;
  Catalog catalog;
};

TEST(Hedge, ANeuralModelThatKnowsMoreEarnsItsVoteAndIsFollowed) {
  InTwoDirectories world(model_of(std::make_unique<Prompter>()));
  world.read(1);
  EXPECT_EQ(world.hedge->weight(Hedge::Arm::kNeural), 0);
  EXPECT_FALSE(world.hedge->neural_votes());
  for (std::uint64_t i = 2; i < 6000; ++i) world.read(i);
  EXPECT_TRUE(world.hedge->neural_votes());
  EXPECT_GT(world.hedge->weight(Hedge::Arm::kNeural), 0.5);
  EXPECT_EQ(world.read(6000), std::vector<ObjectId>{object_id("right/6001")});
}

TEST(Hedge, WhileANeuralModelHasNoVoteAllIsAsIfThereWereNone) {
  InTwoDirectories with(model_of(nullptr));
  InTwoDirectories without(nullptr);
  for (std::uint64_t i = 1; i < 4000; ++i) ASSERT_EQ(with.read(i), without.read(i)) << i;
  EXPECT_FALSE(with.hedge->neural_votes());
  EXPECT_EQ(with.hedge->weight(Hedge::Arm::kNeural), 0);
  EXPECT_NEAR(with.hedge->weight(Hedge::Arm::kNone), without.hedge->weight(Hedge::Arm::kNone),
              1e-9);
}

}  // namespace
}  // namespace augurfs
