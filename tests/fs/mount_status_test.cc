#include "fs/mount_status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace augurfs {
namespace {

MountStatus example() {
  MountStatus status;
  status.url = "s3://bucket/prefix/";
  status.mount_point = "/mnt/data";
  status.cache_directory = "/var/cache/augurfs/x";
  status.version = "1.2.3";
  status.process = 42;
  status.uptime = std::chrono::seconds(3723);
  status.remote = {.requests = 10, .retries = 2, .errors = 1, .bytes_received = 5 << 20};
  status.cache.bytes_used = 3ULL << 30;
  status.cache.bytes_max = 20ULL << 30;
  status.cache.chunks = 3000;
  status.cache.hits = 30;
  status.cache.ahead = 5;
  status.cache.misses = 10;
  status.cache.hit_bytes = 5 << 20;
  status.cache.ahead_bytes = 2 << 20;
  status.cache.miss_bytes = 1 << 20;
  status.cache.prefetched_bytes = 2 << 20;
  status.cache.prefetch_used_bytes = 1 << 20;
  status.file_system = {.inodes = 7,
                        .open_files = 2,
                        .unreachable_keys = 4,
                        .stored_opened = 10,
                        .stored_opened_bytes = 2 << 20};
  status.page_feed = {
      .stored = 12, .stored_bytes = 3 << 20, .not_needed = 5, .no_room = 6, .failed = 1};
  status.passthrough = {.on = true, .opens = 21, .files = 3};
  status.prefetcher.events = 99;
  status.prefetcher.hints_dropped = 2;
  status.prefetcher.brain = {.state = BrainState::kRunning,
                             .reason = "was ended by signal 9",
                             .process = 43,
                             .restarts = 1,
                             .events_sent = 80,
                             .events_dropped = 19,
                             .hints_received = 30,
                             .hints_dropped = 3};
  return status;
}

TEST(MountStatus, SaysWhatTheCacheCouldNotKeepAndWhy) {
  MountStatus status = example();
  EXPECT_EQ(to_text(to_json(status)).find("not kept"), std::string::npos);
  status.cache.unstored_chunks = 94;
  status.cache.disk_free_bytes = 3 << 20;
  status.cache.free_space_bytes_min = 2 << 20;
  EXPECT_NE(to_text(to_json(status))
                .find("94 chunks were not kept: the disk has 3.0 MiB free, of which "
                      "cache.free_space leaves 2.0 MiB"),
            std::string::npos)
      << to_text(to_json(status));
  status.cache.disk_free_bytes = 200ULL << 30;
  EXPECT_NE(to_text(to_json(status)).find("94 chunks were not kept\n"), std::string::npos);
}

TEST(MountStatus, TheDocumentHoldsEveryFigureUnderItsPromisedName) {
  const auto json = nlohmann::json::parse(to_json(example()));
  EXPECT_EQ(json["url"], "s3://bucket/prefix/");
  EXPECT_EQ(json["mount_point"], "/mnt/data");
  EXPECT_EQ(json["pid"], 42);
  EXPECT_EQ(json["version"], "1.2.3");
  EXPECT_EQ(json["uptime_seconds"], 3723);
  EXPECT_EQ(json["cache"]["directory"], "/var/cache/augurfs/x");
  EXPECT_EQ(json["cache"]["bytes"], 3ULL << 30);
  EXPECT_EQ(json["cache"]["bytes_max"], 20ULL << 30);
  EXPECT_EQ(json["cache"]["hits"], 30);
  EXPECT_EQ(json["cache"]["ahead"], 5);
  EXPECT_EQ(json["cache"]["misses"], 10);
  EXPECT_EQ(json["cache"]["hit_bytes"], 5 << 20);
  EXPECT_EQ(json["cache"]["ahead_bytes"], 2 << 20);
  EXPECT_EQ(json["cache"]["miss_bytes"], 1 << 20);
  EXPECT_EQ(json["cache"]["disk_healthy"], true);
  EXPECT_EQ(json["remote"]["requests"], 10);
  EXPECT_EQ(json["remote"]["retries"], 2);
  EXPECT_EQ(json["remote"]["errors"], 1);
  EXPECT_EQ(json["remote"]["bytes_received"], 5 << 20);
  EXPECT_EQ(json["prefetch"]["bytes"], 2 << 20);
  EXPECT_EQ(json["prefetch"]["used_bytes"], 1 << 20);
  EXPECT_EQ(json["prefetch"]["events"], 99);
  EXPECT_EQ(json["memory"]["stored"], 12);
  EXPECT_EQ(json["memory"]["stored_bytes"], 3 << 20);
  EXPECT_EQ(json["memory"]["opened"], 10);
  EXPECT_EQ(json["memory"]["opened_bytes"], 2 << 20);
  EXPECT_EQ(json["memory"]["not_needed"], 5);
  EXPECT_EQ(json["memory"]["no_room"], 6);
  EXPECT_EQ(json["memory"]["failed"], 1);
  EXPECT_EQ(json["passthrough"]["state"], "on");
  EXPECT_EQ(json["passthrough"]["reason"], "");
  EXPECT_EQ(json["passthrough"]["opens"], 21);
  EXPECT_EQ(json["passthrough"]["files"], 3);
  EXPECT_EQ(json["brain"]["state"], "running");
  EXPECT_EQ(json["brain"]["reason"], "was ended by signal 9");
  EXPECT_EQ(json["brain"]["pid"], 43);
  EXPECT_EQ(json["brain"]["restarts"], 1);
  EXPECT_EQ(json["brain"]["events_sent"], 80);
  EXPECT_EQ(json["brain"]["events_dropped"], 19);
  EXPECT_EQ(json["brain"]["hints_received"], 30);
  EXPECT_EQ(json["brain"]["hints_dropped"], 5) << "by the brain, and before they were looked at";
  EXPECT_EQ(json["file_system"]["inodes"], 7);
  EXPECT_EQ(json["file_system"]["open_files"], 2);
  EXPECT_EQ(json["file_system"]["unreachable_keys"], 4);
}

TEST(MountStatus, APersonReadsTheSameFigures) {
  EXPECT_EQ(to_text(to_json(example())),
            "s3://bucket/prefix/ on /mnt/data\n"
            "  daemon    augurfs 1.2.3, process 42, up 1 h 2 min\n"
            "  cache     3.0 GiB of 20.0 GiB in 3000 chunks, /var/cache/augurfs/x\n"
            "  reads     8.0 MiB: 62.5 % from the cache, 25.0 % fetched ahead, 12.5 % waited for\n"
            "  remote    10 requests (2 retries, 1 errors), 5.0 MiB received\n"
            "  prefetch  2.0 MiB fetched, 1.0 MiB used\n"
            "  memory    12 files (3.0 MiB) given to the kernel ahead, 10 opened since\n"
            "  kernel    passthrough on, 21 opens\n"
            "  brain     running, process 43, 30 hints (5 dropped) of 80 events (19 dropped), "
            "1 restarts; was ended by signal 9\n"
            "  files     7 known, 2 open, 4 keys unreachable\n");
}

TEST(MountStatus, SaysHowANeuralModelDoesWhenOneIsWanted) {
  MountStatus status = example();
  EXPECT_TRUE(nlohmann::json::parse(to_json(status))["brain"]["model"].is_null());
  status.prefetcher.brain.model = ModelNews{.note = "the neural model needs LibTorch"};
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["brain"]["model"]["state"], "absent");
  EXPECT_NE(
      to_text(to_json(status)).find("\n  model     absent; the neural model needs LibTorch\n"),
      std::string::npos);
  status.prefetcher.brain.model =
      ModelNews{.learns = true, .steps = 12, .rolled_back = 2, .loss = 0.5F};
  EXPECT_NE(to_text(to_json(status))
                .find("\n  model     learning, 12 steps, loss 0.500, rolled back 2 times\n"),
            std::string::npos);
  status.prefetcher.brain.model->votes = true;
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["brain"]["model"]["state"], "voting");
}

TEST(MountStatus, TellsWhetherSomethingIsFetchedAhead) {
  MountStatus status = example();
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["prefetch"]["state"], "on");
  status.prefetch_in_shadow = true;
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["prefetch"]["state"], "shadow");
  EXPECT_NE(to_text(to_json(status)).find("used (shadow)\n"), std::string::npos);
  status.prefetch_paused = std::chrono::seconds{90};
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["prefetch"]["state"], "paused");
  EXPECT_NE(to_text(to_json(status)).find("used (paused for 1 min 30 s more)\n"),
            std::string::npos);
  status.prefetch_paused = std::chrono::seconds::max();
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["prefetch"]["state"], "off");
  EXPECT_NE(to_text(to_json(status)).find("used (off)\n"), std::string::npos);
}

TEST(MountStatus, TellsWhatPrefetchingHasPushedOut) {
  MountStatus status = example();
  status.cache.regrets = {
      .regretted_bytes = 9 << 20, .polluted_bytes = 3 << 20, .too_early_bytes = 2 << 20};
  const auto json = nlohmann::json::parse(to_json(status));
  EXPECT_EQ(json["cache"]["regretted_bytes"], 9 << 20);
  EXPECT_EQ(json["prefetch"]["polluted_bytes"], 3 << 20);
  EXPECT_EQ(json["prefetch"]["too_early_bytes"], 2 << 20);
  EXPECT_NE(to_text(to_json(status))
                .find("1.0 MiB used, 3.0 MiB evicted for it and missed, 2.0 MiB fetched too "
                      "early\n"),
            std::string::npos);
}

TEST(MountStatus, TellsThatItIsOfflineAndHowOldWhatItShowsIs) {
  MountStatus status = example();
  status.metadata.stale = 7;
  status.metadata.stale_age = std::chrono::hours{2};
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["metadata"]["offline"], false);
  EXPECT_NE(to_text(to_json(status))
                .find("\n  names     7 answers past their time, the last one 2 h 0 min old\n"),
            std::string::npos);
  status.metadata.unreachable = std::chrono::seconds{182};
  const auto json = nlohmann::json::parse(to_json(status))["metadata"];
  EXPECT_EQ(json["offline"], true);
  EXPECT_EQ(json["offline_seconds"], 182);
  EXPECT_EQ(json["stale_seconds"], 7200);
  EXPECT_NE(to_text(to_json(status)).find("\n  names     offline for 3 min 2 s, 7 answers"),
            std::string::npos);
}

TEST(MountStatus, ADiskThatErrsIsTold) {
  MountStatus status = example();
  status.cache.disk_healthy = false;
  EXPECT_NE(to_text(to_json(status)).find("disk errs"), std::string::npos);
}

TEST(MountStatus, AMountWithoutReadsHasNoShare) {
  EXPECT_NE(to_text(to_json(MountStatus{})).find("  reads     none yet\n"), std::string::npos);
}

TEST(MountStatus, APathThatIsNotUtf8IsStillADocument) {
  MountStatus status = example();
  status.mount_point = "/mnt/\xff";
  EXPECT_TRUE(nlohmann::json::accept(to_json(status)));
}

TEST(MountStatus, WhatIsNoSuchDocumentHasNoText) {
  EXPECT_EQ(to_text("nonsense"), "");
  EXPECT_EQ(to_text("{}"), "");
  EXPECT_EQ(to_text("[]"), "");
}

}  // namespace
}  // namespace augurfs
