// The program on a bucket of S3: one that this test serves itself, so that it can hold any key and
// fail as a test wants.

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

#include "remote/unique_fd.h"
#include "support/mount.h"
#include "support/s3_server.h"

namespace augurfs {
namespace {

using testing::HasSubstr;
using testing::Not;

class S3Mount : public testing::Test {
 protected:
  S3Mount() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      drive_.environment()[name] = *S3Server::environment(name);
    }
    drive_.environment()["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  ProgramResult mount(const std::string& url = "s3://bucket",
                      const std::vector<std::string>& more_arguments = {}) {
    std::vector<std::string> arguments{"--set", "remote.endpoint=" + server_.http().url()};
    arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
    return drive_.mount_url(url, arguments);
  }

  // The names in a directory, sorted; "/" after directories.
  std::vector<std::string> names(const std::string& directory = "") const {
    std::vector<std::string> names;
    DIR* stream = ::opendir(drive_.path(directory).c_str());
    if (stream == nullptr) return {::strerrorname_np(errno)};
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      names.push_back(name + (entry->d_type == DT_DIR ? "/" : ""));
    }
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::size_t log_lines(const std::string& word) const {
    const std::string log = drive_.log();
    std::size_t count = 0;
    for (std::size_t at = log.find(word); at != std::string::npos; at = log.find(word, at + 1)) {
      ++count;
    }
    return count;
  }

  S3Server server_;
  TestMount drive_;
};

TEST_F(S3Mount, AnEmptyBucketIsAnEmptyDirectory) {
  const ProgramResult mounted = mount();
  ASSERT_EQ(mounted.exit_code, 0);
  EXPECT_THAT(mounted.errors, HasSubstr("s3://bucket holds nothing"));
  EXPECT_EQ(names(), std::vector<std::string>{});
  const ProgramResult listed = run_program({"ls", "-la", drive_.path()}, drive_.environment());
  EXPECT_EQ(listed.exit_code, 0) << listed.errors;
}

TEST_F(S3Mount, AnEmptyDriveIsToldWithItsReason) {
  server_.bucket().put("prefix/object", "bytes");
  server_.bucket().put("prefixed", "bytes");
  std::size_t told = 0;
  for (const auto& [url, reason] : {std::pair{"s3://bucket/missing", "no key begins with"},
                                    {"s3://bucket/prefi", "no key begins with"},
                                    {"s3://bucket/prefix/object", "is an object"}}) {
    const ProgramResult mounted = mount(url);
    EXPECT_EQ(mounted.exit_code, 0);
    EXPECT_THAT(mounted.errors, HasSubstr(reason)) << url;
    EXPECT_THAT(mounted.errors, HasSubstr(url));
    EXPECT_EQ(names(), std::vector<std::string>{});
    ASSERT_EQ(drive_.unmount().exit_code, 0);
    EXPECT_EQ(log_lines("warning mount.empty"), ++told) << drive_.log();
  }
  const ProgramResult mounted = mount("s3://bucket/prefix");
  EXPECT_EQ(mounted.errors, "");
}

TEST_F(S3Mount, AnyKeyIsReachedOrCountedAndHarmsNoOther) {
  const std::string latin = "caf\xe9";
  std::string longest(204, 'l');
  while (longest.size() < 1024) longest += "/" + std::string(204, 'l');
  ASSERT_EQ(longest.size(), 1024U);
  const std::vector<std::string> reachable{"a/b",   "two\nlines", latin, "100% + 1 & <2>",
                                           longest, "marked/file"};
  const std::vector<std::string> unreachable{
      "a", "/leading", "a//b", "./x", "../x", "a/..", "a/./x", "//", std::string(256, 'n')};
  for (const auto& key : reachable) server_.bucket().put(key, "bytes of " + key);
  for (const auto& key : unreachable) server_.bucket().put(key, "unreachable");
  server_.bucket().put("marked/", "");
  server_.bucket().put("empty/", "");
  ASSERT_EQ(mount().exit_code, 0);
  for (const auto& key : reachable) EXPECT_EQ(read_file(drive_.path(key)), "bytes of " + key);
  EXPECT_EQ(names(),
            (std::vector<std::string>{"100% + 1 & <2>", "a/", latin, "empty/",
                                      std::string(204, 'l') + "/", "marked/", "two\nlines"}));
  EXPECT_EQ(names("a"), std::vector<std::string>{"b"});
  EXPECT_EQ(names("marked"), std::vector<std::string>{"file"});
  EXPECT_EQ(names("empty"), std::vector<std::string>{});
  EXPECT_EQ(run_program({"find", drive_.path()}, drive_.environment()).exit_code, 0);
  EXPECT_TRUE(drive_.logs("fs.unreachable_keys directory=\"\" keys="));
  EXPECT_GT(drive_.status("file_system", "unreachable_keys"), 0U);
}

TEST_F(S3Mount, TheCredentialProcessRunsOnceForMountAndFirstRead) {
  const TemporaryDirectory directory;
  const std::string runs = directory.path() / "runs";
  const std::string program =
      directory.write("hand-out", "#!/bin/sh\necho run >> " + runs +
                                      "\necho '{\"Version\": 1, \"AccessKeyId\": \"test-access\", "
                                      "\"SecretAccessKey\": \"test-secret\"}'\n");
  ASSERT_EQ(::chmod(program.c_str(), 0700), 0);
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
    drive_.environment().erase(name);
  }
  drive_.environment()["AWS_CONFIG_FILE"] =
      directory.write("config", "[default]\ncredential_process = " + program + "\n");
  server_.bucket().put("key", "bytes");
  const ProgramResult mounted = mount();
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  EXPECT_EQ(read_file(drive_.path("key")), "bytes");
  EXPECT_EQ(read_file(runs), "run\n");
  // Where others may look, the secret is not.
  EXPECT_THAT(drive_.augurfs({"status", "--json"}).output, Not(HasSubstr("test-secret")));
  const std::string process = "/proc/" + std::to_string(drive_.daemon());
  EXPECT_THAT(read_file(process + "/cmdline"), Not(HasSubstr("test-secret")));
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  EXPECT_THAT(drive_.log(), Not(HasSubstr("test-secret")));
}

TEST_F(S3Mount, MountAndFirstReadShareOneConnection) {
  server_.bucket().put("key", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  EXPECT_EQ(read_file(drive_.path("key")), "bytes");
  EXPECT_EQ(server_.http().connections(), 1U);
}

TEST_F(S3Mount, AReadThatFailsIsLoggedOnceWithItsReason) {
  server_.bucket().put("d/key", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  struct stat known {};
  ASSERT_EQ(::stat(drive_.path("d/key").c_str(), &known), 0);
  // The kernel asks twice for a page that it does not get, and so does the program.
  for (int i = 0; i < 10; ++i) server_.spoil_next(S3Server::error(403, "AccessDenied"));
  {
    const UniqueFd file(::open(drive_.path("d/key").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    char byte = 0;
    EXPECT_EQ(::pread(file.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(::pread(file.get(), &byte, 1, 0), -1);
  }
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  EXPECT_EQ(log_lines("warning fuse.failed operation=read"), 1U) << drive_.log();
  EXPECT_THAT(drive_.log(), HasSubstr("s3://bucket/d/key: access denied: HTTP 403 AccessDenied"));
}

TEST_F(S3Mount, WhatIsAskedForInHasteAtMountIsAskedForPatientlyLater) {
  server_.bucket().put("key", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  for (int i = 0; i < 4; ++i) server_.spoil_next(S3Server::error(503, "SlowDown"));
  EXPECT_EQ(read_file(drive_.path("key")), "bytes");
}

TEST_F(S3Mount, NoReadIsLoggedAboveTrace) {
  for (int i = 0; i < 50; ++i) server_.bucket().put(std::to_string(i), "bytes");
  // The brain comes and goes when it likes.
  ASSERT_EQ(mount("s3://bucket", {"--set", "prefetch.brain=false"}).exit_code, 0);
  EXPECT_EQ(read_file(drive_.path("0")), "bytes");
  // The index is written when it is time to, not for each read.
  const auto lines = [&] { return log_lines("\n") - log_lines("cache.index_written"); };
  ASSERT_TRUE(drive_.logs("mount.ready"));
  ASSERT_TRUE(drive_.logs("cache.loaded"));
  const std::size_t before = lines();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(read_file(drive_.path(std::to_string(i))), "bytes");
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  EXPECT_EQ(lines(), before + 1) << "mount.ended alone: " << drive_.log();
}

// With certificates as a person would name them.
TEST(S3MountOverTls, TrustsTheAuthorityItIsToldAndShowsItsOwnCertificate) {
  TestTls tls;
  tls.wants_client = true;
  S3Server server(tls);
  server.bucket().put("key", "bytes");
  TestMount drive;
  drive.environment()["AWS_ACCESS_KEY_ID"] = "test-access";
  drive.environment()["AWS_SECRET_ACCESS_KEY"] = "test-secret";
  const TemporaryDirectory directory;
  const std::string certificate = directory.write("cert.pem", tls.certificate.certificate);
  const std::string key = directory.write("key.pem", tls.certificate.key);
  const std::vector<std::string> trust{"--set", "remote.endpoint=" + server.http().url(), "--set",
                                       "remote.ca_bundle=" + certificate};
  const ProgramResult unknown = drive.mount_url("s3://bucket", trust);
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.errors, HasSubstr("127.0.0.1:" + std::to_string(server.http().port())));
  std::vector<std::string> both = trust;
  for (const std::string& setting :
       {"remote.client_certificate=" + certificate, "remote.client_key=" + key}) {
    both.insert(both.end(), {"--set", setting});
  }
  const ProgramResult mounted = drive.mount_url("s3://bucket", both);
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  EXPECT_EQ(read_file(drive.path("key")), "bytes");
}

TEST_F(S3Mount, APrefixIsTheRootOfTheDrive) {
  server_.bucket().put("in/side/key", "bytes");
  server_.bucket().put("in/other", "bytes");
  ASSERT_EQ(mount("s3://bucket/in/side").exit_code, 0);
  EXPECT_EQ(names(), std::vector<std::string>{"key"});
}

}  // namespace
}  // namespace augurfs
