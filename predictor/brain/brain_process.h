#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "predictor/brain/packet_socket.h"
#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// The descriptor on which a brain finds its end of the socket.
inline constexpr int kBrainSocketFd = 3;
// What a brain is told in place of the file that a neural model is kept in.
inline constexpr const char* kModelNotKept = "-";

// A child process that holds the other end of a socket pair and nothing else of ours: no
// descriptor, no environment (there may be credentials in it), no blocked signal. It dies with
// this object.
// Thread rule: one thread, the one that started it: the child asks the kernel to die with that.
class BrainProcess {
 public:
  // kNotFound when there is no such program.
  static Result<BrainProcess> start(const std::vector<std::string>& command);

  BrainProcess(BrainProcess&& other) noexcept;
  BrainProcess& operator=(BrainProcess&&) = delete;
  ~BrainProcess();

  const PacketSocket& socket() const { return socket_; }
  pid_t process() const { return process_; }
  // Hangs up, gives it `patience` to end by itself, kills it. "exited with 1: what it said last".
  std::string end(std::chrono::milliseconds patience);

 private:
  BrainProcess(PacketSocket socket, UniqueFd errors)
      : socket_(std::move(socket)), errors_(std::move(errors)) {}

  std::string last_words();

  PacketSocket socket_;
  UniqueFd errors_;  // what it writes to its standard error; what does not fit it may not write
  UniqueFd ended_;   // a pidfd: readable at its end
  pid_t process_ = -1;
};

}  // namespace augurfs
