#include "predictor/neural/checkpoint.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr std::array<char, 8> kMagic = {'a', 'u', 'g', 'u', 'r', 'n', 'n', '\n'};
constexpr std::uint32_t kVersion = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t count = NeuralWeights::kCount;
  std::uint64_t shapes = XXH3_64bits(kMatrixShapes.data(), sizeof(kMatrixShapes));
  std::uint64_t checksum = 0;  // of the numbers
};

constexpr std::size_t kBytes = NeuralWeights::kCount * sizeof(float);

std::uint64_t checksum_of(std::span<const float> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

Error failed(const std::filesystem::path& file) {
  return {ErrorCode::kUnavailable, file.string() + ": " + std::strerror(errno)};
}

bool write_all(int fd, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    next += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// False at an error or when there is less.
bool read_all(int fd, void* data, std::size_t size) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = read(fd, next, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// Why it cannot be used; nothing when `values` hold what was in it.
std::optional<std::string> reason_against(int fd, std::vector<float>& values) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "is no file";
  if (status.st_uid != geteuid()) return "belongs to another user";
  Header header;
  const Header expected;
  if (!read_all(fd, &header, sizeof(header))) return "is cut short";
  if (header.magic != expected.magic) return "is no model";
  if (header.version != expected.version) {
    return "is of version " + std::to_string(header.version);
  }
  if (header.count != expected.count || header.shapes != expected.shapes) {
    return "is of another shape";
  }
  if (static_cast<std::uint64_t>(status.st_size) != sizeof(Header) + kBytes) {
    return "has the wrong length";
  }
  values.resize(NeuralWeights::kCount);
  if (!read_all(fd, values.data(), kBytes)) return "is cut short";
  if (checksum_of(values) != header.checksum) return "is damaged";
  if (!std::all_of(values.begin(), values.end(),
                   [](float value) { return std::isfinite(value); })) {
    return "holds numbers that are none";
  }
  return std::nullopt;
}

}  // namespace

Result<void> save_checkpoint(const std::filesystem::path& file, const NeuralWeights& weights) {
  const std::filesystem::path fresh = file.string() + ".new";
  UniqueFd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) return failed(fresh);
  Header header;
  header.checksum = checksum_of(weights.values());
  if (!write_all(fd.get(), &header, sizeof(header)) ||
      !write_all(fd.get(), weights.values().data(), kBytes) || fsync(fd.get()) != 0 ||
      rename(fresh.c_str(), file.c_str()) != 0) {
    const Error error = failed(fresh);
    unlink(fresh.c_str());
    return error;
  }
  return {};
}

bool load_checkpoint(const std::filesystem::path& file, NeuralWeights& weights) {
  // Not waiting for the writer of a pipe that somebody put there.
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0 && errno == ENOENT) return false;
  std::vector<float> values;
  const auto reason = fd.get() < 0 ? std::optional<std::string>(std::strerror(errno))
                                   : reason_against(fd.get(), values);
  if (!reason) {
    std::copy(values.begin(), values.end(), weights.values().begin());
    return true;
  }
  const std::filesystem::path aside = file.string() + ".set-aside";
  const bool moved = rename(file.c_str(), aside.c_str()) == 0;
  spdlog::warn("model.set_aside file={:?} reason={:?} moved={}", file.string(), *reason, moved);
  return false;
}

}  // namespace augurfs
