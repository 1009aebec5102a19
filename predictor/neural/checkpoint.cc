#include "predictor/neural/checkpoint.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

constexpr std::array<char, 8> kMagic = {'a', 'u', 'g', 'u', 'r', 'n', 'n', '\n'};
constexpr std::uint32_t kFormat = 2;

struct CheckpointHeader {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format = kFormat;
  std::uint32_t count = NeuralWeights::kCount;
  std::uint64_t shapes = XXH3_64bits(kMatrixShapes.data(), sizeof(kMatrixShapes));
};
static_assert(sizeof(CheckpointHeader) <= Checkpoint::kHeaderBytes);

// Before the numbers of a slot.
struct CheckpointSlot {
  std::uint64_t number = 0;
  std::uint64_t steps = 0;
  std::uint64_t checksum = 0;  // of these and the numbers
};
constexpr std::size_t kSlotHeaderBytes = 64;
constexpr std::size_t kBytes = NeuralWeights::kCount * sizeof(float);
static_assert(Checkpoint::kSlotBytes == kSlotHeaderBytes + kBytes);

off_t place_of_slot(std::size_t slot) {
  return static_cast<off_t>(Checkpoint::kHeaderBytes + slot * Checkpoint::kSlotBytes);
}

std::uint64_t checksum_of(const CheckpointSlot& slot, std::span<const float> values) {
  const std::array<std::uint64_t, 2> words = {slot.number, slot.steps};
  return XXH3_64bits_withSeed(values.data(), values.size_bytes(),
                              XXH3_64bits(words.data(), sizeof(words)));
}

Error failed(const std::string& what) {
  return {ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

bool write_all(int fd, const void* data, std::size_t size, off_t offset) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(fd, next, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    next += written;
    offset += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// False at an error or when there is less.
bool read_all(int fd, void* data, std::size_t size, off_t offset) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(fd, next, size, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    offset += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// What stands before the numbers, which go into `values`; of number 0 when the slot is not whole.
CheckpointSlot read_slot(int fd, std::size_t slot, std::vector<float>& values) {
  CheckpointSlot header;
  values.resize(NeuralWeights::kCount);
  const off_t place = place_of_slot(slot);
  const bool whole =
      read_all(fd, &header, sizeof(header), place) && header.number != 0 &&
      read_all(fd, values.data(), kBytes, place + static_cast<off_t>(kSlotHeaderBytes)) &&
      checksum_of(header, values) == header.checksum &&
      std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  return whole ? header : CheckpointSlot{};
}

bool was_never_written(int fd, std::size_t slot) {
  CheckpointSlot header;
  return read_all(fd, &header, sizeof(header), place_of_slot(slot)) && header.number == 0 &&
         header.checksum == 0;
}

// Why it cannot be used, or nothing.
std::optional<std::string> reason_against(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "is no file";
  if (status.st_uid != ::geteuid()) return "belongs to another user";
  CheckpointHeader header;
  const CheckpointHeader expected;
  if (!read_all(fd, &header, sizeof(header), 0)) return "is cut short";
  if (header.magic != expected.magic) return "is no model";
  if (header.format != expected.format) return "is of version " + std::to_string(header.format);
  if (header.count != expected.count || header.shapes != expected.shapes) {
    return "is of another shape";
  }
  if (static_cast<std::uint64_t>(status.st_size) != Checkpoint::kFileBytes) {
    return "has the wrong length";
  }
  return std::nullopt;
}

Result<UniqueFd> make(const std::filesystem::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const CheckpointHeader header;
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(Checkpoint::kFileBytes)) != 0 ||
      !write_all(fd.get(), &header, sizeof(header), 0)) {
    const Error error = failed(file.string());
    // Half a file would be set aside the next time, in the place of a whole one.
    if (fd) ::unlink(file.c_str());
    return error;
  }
  return fd;
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> Checkpoint::open(const std::filesystem::path& file) {
  // Not waiting for the writer of a pipe that somebody put there.
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::optional<std::string> reason;
  std::array<std::uint64_t, 2> numbers{};
  if (!fd) {
    if (errno != ENOENT) reason = std::strerror(errno);
  } else if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return failed(file.string());
  } else {
    reason = reason_against(fd.get());
    std::vector<float> values;
    for (std::size_t slot = 0; slot < numbers.size() && !reason; ++slot) {
      numbers[slot] = read_slot(fd.get(), slot, values).number;
    }
    // One that is not whole is what a crash leaves.
    const bool is_empty =
        !reason && was_never_written(fd.get(), 0) && was_never_written(fd.get(), 1);
    if (!reason && numbers == decltype(numbers){} && !is_empty) reason = "is damaged";
  }
  if (reason) {
    const std::filesystem::path aside = file.string() + ".aside";
    const bool moved = ::rename(file.c_str(), aside.c_str()) == 0;
    spdlog::warn("model.set_aside file={:?} reason={:?} moved={}", file.string(), *reason, moved);
    numbers = {};
  }
  if (!fd || reason) {
    auto made = make(file);
    if (!made) return made.error();
    fd = std::move(*made);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return failed(file.string());
  }
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint(std::move(fd), reason.value_or("")));
  checkpoint->numbers_ = numbers;
  return checkpoint;
}

std::optional<std::uint64_t> Checkpoint::load(NeuralWeights& weights) {
  const std::size_t newest = numbers_[1] > numbers_[0] ? 1 : 0;
  if (numbers_[newest] == 0) return std::nullopt;
  std::vector<float> values;
  const CheckpointSlot header = read_slot(fd_.get(), newest, values);
  if (header.number == 0) return std::nullopt;
  std::copy(values.begin(), values.end(), weights.values().begin());
  return header.steps;
}

Result<void> Checkpoint::save(const NeuralWeights& weights, std::uint64_t steps) {
  const std::size_t slot = numbers_[1] > numbers_[0] ? 0 : 1;
  CheckpointSlot header;
  header.number = std::max(numbers_[0], numbers_[1]) + 1;
  header.steps = steps;
  header.checksum = checksum_of(header, weights.values());
  numbers_[slot] = 0;
  const off_t place = place_of_slot(slot);
  if (!write_all(fd_.get(), &header, sizeof(header), place) ||
      !write_all(fd_.get(), weights.values().data(), kBytes,
                 place + static_cast<off_t>(kSlotHeaderBytes)) ||
      ::fdatasync(fd_.get()) != 0) {
    return failed("model");
  }
  numbers_[slot] = header.number;
  return {};
}

}  // namespace augurfs
