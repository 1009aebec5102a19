#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/temporary_directory.h"

namespace augurfs {

// The program that was built.
std::filesystem::path augurfs_program();

// A bucket that is a local directory, and the program `augurfs` mounting it: what a person would
// do, with files, cache, log and home in a temporary directory of its own.
//
//   TestMount drive;
//   drive.put("a/b.txt", "bytes");
//   ASSERT_EQ(drive.mount().exit_code, 0);
//   EXPECT_EQ(read_file(drive.path("a/b.txt")), "bytes");
//
// However the test ends, nothing stays mounted and the daemon is gone. `query` is that of the
// file:// URL: round_trip_ms=30&mbit=100.
class TestMount {
 public:
  explicit TestMount(const std::string& query = "");
  TestMount(const TestMount&) = delete;
  TestMount& operator=(const TestMount&) = delete;
  ~TestMount();

  // Writes an object into the bucket.
  void put(const std::string& key, std::string_view content) const;

  ProgramResult mount(const std::vector<std::string>& more_arguments = {});
  ProgramResult mount_url(const std::string& url,
                          const std::vector<std::string>& more_arguments = {});
  ProgramResult unmount();
  // Any augurfs command, in the environment of this mount.
  ProgramResult augurfs(const std::vector<std::string>& arguments) const;

  bool mounted() const;
  pid_t daemon() const;  // of the last mount() that went well
  // Waits until the daemon has ended; false when it takes too long.
  bool daemon_ends() const;
  // kill -9, and waits until the kernel knows; the mount may be there for a moment longer.
  void kill_daemon() const;
  // Waits until nothing is mounted; false when it takes too long.
  bool unmounts() const;
  // A number of the status document: status("remote", "requests").
  std::uint64_t status(const std::string& part, const std::string& name) const;

  std::filesystem::path path(const std::string& name = "") const;    // below the mount point
  std::filesystem::path source(const std::string& name = "") const;  // below the bucket
  std::filesystem::path cache() const { return home_.path() / "cache"; }
  // What the log holds by now. It is written behind: complete once the daemon has ended.
  std::string log() const;
  // Waits until the log has `word` at `from` or later; false when that takes too long.
  bool logs(const std::string& word, std::size_t from = 0) const;
  std::string url() const;
  // Another augurfs than the one that was built.
  void use_program(const std::filesystem::path& program) { program_ = program; }
  // What the program sees as its environment; a test may add to it.
  std::map<std::string, std::string>& environment() { return environment_; }

 private:
  TemporaryDirectory home_;
  std::string query_;
  std::map<std::string, std::string> environment_;
  std::filesystem::path program_ = augurfs_program();
  pid_t daemon_ = -1;
};

bool is_mounted(const std::filesystem::path& directory);
// Waits until nothing is mounted there; false when it takes too long.
bool unmounts(const std::filesystem::path& directory);

// A mount namespace for this process: what it mounts from here on nobody else sees, and of the
// drives that are mounted it sees `shared` alone. For tests that bring a /dev of their own; throws
// when not root.
void have_own_mounts(const std::filesystem::path& shared = {});

// The bytes of a file; throws std::system_error when it cannot be read to its end.
std::string read_file(const std::filesystem::path& path);

// Bytes that compress badly and differ from place to place.
std::string some_bytes(std::size_t count, std::uint32_t seed = 1);

}  // namespace augurfs
