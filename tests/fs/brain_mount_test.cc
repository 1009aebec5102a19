// The brain beside a mount: it helps when it is there, and nothing of it hurts a read.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;

nlohmann::json brain_of(const TestMount& drive) {
  const ProgramResult answer = drive.augurfs({"status", drive.path(), "--json"});
  return nlohmann::json::parse(answer.output).at("brain");
}

bool brain_becomes(const TestMount& drive, const std::string& state) {
  return eventually([&] { return brain_of(drive).at("state") == state; });
}

std::string name_of(int i) { return "d/" + std::to_string(1000 + i); }
std::string content_of(int i) { return some_bytes(5000, static_cast<std::uint32_t>(i)); }

void put_files(const TestMount& drive, int count) {
  for (int i = 0; i < count; ++i) drive.put(name_of(i), content_of(i));
}

void expect_right_bytes(const TestMount& drive, int count) {
  for (int i = 0; i < count; ++i) EXPECT_EQ(read_file(drive.path(name_of(i))), content_of(i)) << i;
}

TEST(MountedBrain, RunsBesideTheDaemonAndEndsWithIt) {
  TestMount drive;
  put_files(drive, 1);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto brain = brain_of(drive).at("pid").get<pid_t>();
  ASSERT_GT(brain, 0);
  EXPECT_THAT(drive.augurfs({"status", drive.path()}).output, HasSubstr("brain     running"));
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_TRUE(drive.daemon_ends());
  EXPECT_EQ(::kill(brain, 0), -1);
}

TEST(MountedBrain, EndsWhenTheDaemonIsKilled) {
  TestMount drive;
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto brain = brain_of(drive).at("pid").get<pid_t>();
  drive.kill_daemon();
  EXPECT_TRUE(process_ends(brain));
}

TEST(MountedBrain, IsNotThereWhenNotWanted) {
  for (const char* setting : {"prefetch.brain=false", "prefetch.mode=off"}) {
    TestMount drive;
    put_files(drive, 1);
    ASSERT_EQ(drive.mount({"--set", setting}).exit_code, 0);
    expect_right_bytes(drive, 1);
    EXPECT_EQ(brain_of(drive).at("state"), "off");
    EXPECT_EQ(brain_of(drive).at("pid"), 0);
  }
}

TEST(MountedBrain, EndsWhenPrefetchIsSwitchedOffAndLearnsOnWhileItPauses) {
  TestMount drive;
  ASSERT_EQ(drive.mount({"--set", "prefetch.mode=off"}).exit_code, 0);
  ASSERT_EQ(drive.augurfs({"prefetch", "on", drive.path()}).exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto brain = brain_of(drive).at("pid").get<pid_t>();
  ASSERT_EQ(drive.augurfs({"prefetch", "pause", "10min", drive.path()}).exit_code, 0);
  EXPECT_EQ(brain_of(drive).at("state"), "running");
  ASSERT_EQ(drive.augurfs({"prefetch", "off", drive.path()}).exit_code, 0);
  EXPECT_EQ(brain_of(drive).at("state"), "off");
  EXPECT_TRUE(process_ends(brain));
}

TEST(MountedBrain, WithoutItsProgramTheMountGoesOn) {
  TestMount drive;
  put_files(drive, 20);
  // The same program where there is no other beside it.
  const auto alone = drive.cache().parent_path() / "alone" / "augurfs";
  std::filesystem::create_directories(alone.parent_path());
  std::filesystem::copy_file(augurfs_program(), alone);
  drive.use_program(alone);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "absent"));
  EXPECT_THAT(brain_of(drive).at("reason"), HasSubstr("augurfs-predictor: No such file"));
  expect_right_bytes(drive, 20);
  EXPECT_TRUE(drive.logs("brain.absent"));
}

nlohmann::json model_of(const TestMount& drive) {
  return brain_of(drive).value("model", nlohmann::json());
}

// What a neural model is asked; nothing while nobody has said how it does.
std::uint64_t model_figure(const TestMount& drive, const std::string& name) {
  const auto model = model_of(drive);
  return model.is_null() ? 0 : model.at(name).get<std::uint64_t>();
}

void kill_brain(const TestMount& drive) {
  const auto brain = brain_of(drive).at("pid").get<pid_t>();
  ASSERT_EQ(::kill(brain, SIGKILL), 0);
  ASSERT_TRUE(process_ends(brain));
}

TEST(MountedBrain, WithANeuralModelItLearnsIsKilledAndGoesOnFromWhatItHadLearned) {
  constexpr int kFiles = 200;
  TestMount drive;
  put_files(drive, kFiles);
  const std::vector<std::string> settings = {"--set", "prefetch.neural=true"};
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  expect_right_bytes(drive, kFiles / 2);
  ASSERT_TRUE(eventually([&] { return model_figure(drive, "steps") > 0; }));
  EXPECT_EQ(model_figure(drive, "resumed_steps"), 0U);
  EXPECT_EQ(model_of(drive).at("state"), "learning");
  EXPECT_EQ(model_of(drive).at("note"), "");
  EXPECT_THAT(drive.augurfs({"status", drive.path()}).output, HasSubstr("model     learning, "));
  kill_brain(drive);
  ASSERT_TRUE(eventually([&] { return model_figure(drive, "resumed_steps") > 0; }));
  expect_right_bytes(drive, kFiles);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_TRUE(drive.daemon_ends());
  // Cut short, it is set aside; another is begun, and that is said.
  const auto file = drive.cache() / "model.bin";
  std::filesystem::resize_file(file, 1000);
  ASSERT_EQ(drive.mount(settings).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return !model_of(drive).is_null(); }));
  EXPECT_THAT(model_of(drive).at("note"), HasSubstr("set aside"));
  EXPECT_EQ(model_figure(drive, "resumed_steps"), 0U);
  EXPECT_TRUE(std::filesystem::exists(file.string() + ".aside"));
  EXPECT_TRUE(drive.logs("brain.model"));
  expect_right_bytes(drive, kFiles);
  // What was learned is wiped with what it was learned from.
  ASSERT_EQ(drive.augurfs({"history", "wipe", drive.path()}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".aside"));
}

TEST(MountedBrain, WithoutLibTorchAllGoesOnAndTheStatusSaysSo) {
  TestMount drive;
  put_files(drive, 20);
  const auto alone = drive.cache().parent_path() / "bin" / "augurfs";
  std::filesystem::create_directories(alone.parent_path());
  std::filesystem::copy_file(augurfs_program(), alone);
  std::filesystem::copy_file(AUGURFS_BRAIN, alone.parent_path() / "augurfs-predictor");
  drive.use_program(alone);
  ASSERT_EQ(drive.mount({"--set", "prefetch.neural=true"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return !model_of(drive).is_null(); }));
  EXPECT_EQ(brain_of(drive).at("state"), "running");
  EXPECT_EQ(model_of(drive).at("state"), "absent");
  EXPECT_THAT(drive.augurfs({"status", drive.path()}).output,
              HasSubstr("model     absent; the neural model needs LibTorch"));
  expect_right_bytes(drive, 20);
}

TEST(MountedBrain, OneThatHangsHoldsUpNoReadAndNoUnmount) {
  TestMount drive;
  put_files(drive, 50);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto brain = brain_of(drive).at("pid").get<pid_t>();
  ASSERT_EQ(::kill(brain, SIGSTOP), 0);
  expect_right_bytes(drive, 50);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_TRUE(drive.daemon_ends());
  EXPECT_EQ(::kill(brain, 0), -1);
}

TEST(MountedBrain, ADirectoryReadFileByFileIsFetchedAhead) {
  constexpr int kFiles = 100;
  TestMount drive("round_trip_ms=20");
  put_files(drive, kFiles);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto copy = drive.cache().parent_path() / "copy";
  const ProgramResult copied =
      run_program({"cp", "-r", drive.path("d"), copy}, drive.environment());
  ASSERT_EQ(copied.exit_code, 0) << copied.errors;
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(read_file(copy / std::to_string(1000 + i)), content_of(i)) << i;
  }
  // Every byte once, and some of it before it was asked for: how much depends on how busy the
  // machine is, as the brain has what the others leave.
  EXPECT_EQ(drive.status("remote", "bytes_received"), kFiles * content_of(0).size());
  EXPECT_TRUE(eventually(
      [&] { return drive.status("prefetch", "used_bytes") > kFiles * content_of(0).size() / 10; }));
  // It is booked like that of an expert in the daemon.
  const auto report = [&](const char* by) {
    return drive.augurfs({"prefetch", "report", drive.path(), "--by", by}).output;
  };
  EXPECT_THAT(report("expert"), HasSubstr("directory-sweep\n"));
  EXPECT_THAT(report("exe"), HasSubstr("/cp\n"));
  EXPECT_THAT(report("dir"), HasSubstr("d/\n"));
}

TEST(MountedBrain, WhatWasLearnedOnOneMountIsKnownOnTheNextWithAnEmptyCache) {
  constexpr int kFiles = 30;
  TestMount drive;
  // One file in each directory, so that nobody can know of the next but who remembers.
  std::vector<std::string> command{"cat"};
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "d" + std::to_string(i) + "/file";
    drive.put(name, content_of(i));
    command.push_back(drive.path(name));
  }
  ASSERT_EQ(drive.mount().exit_code, 0);
  for (int run = 0; run < 3; ++run) ASSERT_EQ(run_program(command).exit_code, 0);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_TRUE(drive.daemon_ends());
  for (const auto& file : std::filesystem::directory_iterator(drive.cache())) {
    const std::string name = file.path().filename();
    if (name != "LOCK" && !name.starts_with("history.db")) {
      std::filesystem::remove_all(file.path());
    }
  }
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  ASSERT_EQ(run_program({command.begin(), command.begin() + 4}).exit_code, 0);
  const auto next = content_of(0).size();
  EXPECT_TRUE(eventually([&] { return drive.status("prefetch", "bytes") >= next; }));
  EXPECT_GT(drive.status("prefetch", "looked_up"), 0U) << "this mount had not seen it";
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(read_file(drive.path("d" + std::to_string(i) + "/file")), content_of(i)) << i;
  }
}

TEST(MountedBrain, AWipedHistoryIsForgottenByTheBrainToo) {
  TestMount drive;
  put_files(drive, 1);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto before = brain_of(drive).at("pid").get<pid_t>();
  ASSERT_EQ(drive.augurfs({"history", "wipe", drive.path()}).exit_code, 0);
  EXPECT_TRUE(eventually([&] {
    const auto brain = brain_of(drive);
    return brain.at("state") == "running" && brain.at("pid") != before;
  }));
  EXPECT_EQ(brain_of(drive).at("restarts"), 0) << "it did nothing wrong";
}

TEST(MountedBrain, ATreeIsListedAndFetchedAheadOfWhoGoesThroughIt) {
  constexpr int kDirectories = 20;
  constexpr int kFiles = 8;  // in each
  TestMount drive("round_trip_ms=20");
  const auto name = [](int directory, int file) {
    return "t/" + std::to_string(100 + directory) + "/" + std::to_string(file);
  };
  for (int i = 0; i < kDirectories * kFiles; ++i) {
    drive.put(name(i / kFiles, i % kFiles), content_of(i));
  }
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  const auto copy = drive.cache().parent_path() / "copy";
  std::filesystem::create_directories(copy);
  const ProgramResult copied =
      run_program({"cp", "-r", drive.path("t"), copy / "t"}, drive.environment());
  ASSERT_EQ(copied.exit_code, 0) << copied.errors;
  for (int i = 0; i < kDirectories * kFiles; ++i) {
    EXPECT_EQ(read_file(copy / name(i / kFiles, i % kFiles)), content_of(i)) << i;
  }
  EXPECT_GT(drive.status("prefetch", "listings"), 0U);
  EXPECT_EQ(drive.status("remote", "bytes_received"), kDirectories * kFiles * content_of(0).size());
  EXPECT_TRUE(eventually([&] {
    return drive.status("prefetch", "used_bytes") >
           kDirectories * kFiles * content_of(0).size() / 10;
  }));
}

TEST(MountedBrain, WhoReadsHereAndThereGetsNothingFetchedAhead) {
  constexpr int kFiles = 200;
  TestMount drive;
  put_files(drive, kFiles);
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_TRUE(brain_becomes(drive, "running"));
  std::vector<int> order(kFiles);
  for (int i = 0; i < kFiles; ++i) order[static_cast<std::size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(5));
  order.resize(kFiles / 5);
  for (const int i : order) EXPECT_EQ(read_file(drive.path(name_of(i))), content_of(i));
  // Both are counted by the daemon in the order of events, so by now it has heard of all of them.
  ASSERT_TRUE(eventually([&] { return brain_of(drive).at("events_sent") >= order.size(); }));
  EXPECT_LE(drive.status("remote", "bytes_received"),
            (order.size() + order.size() / 10) * content_of(0).size());
}

}  // namespace
}  // namespace augurfs
