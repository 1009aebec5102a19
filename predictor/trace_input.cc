#include "predictor/trace_input.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

constexpr std::size_t kInputBytes = 128 << 10;  // zstd wants no more at a time
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kGzipMagic = "\x1f\x8b";

struct ZstdDelete {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};
struct ZstdPackerDelete {
  void operator()(ZSTD_CCtx* packer) const { ZSTD_freeCCtx(packer); }
};
struct InflateDelete {
  void operator()(z_stream* stream) const {
    ::inflateEnd(stream);
    delete stream;
  }
};

}  // namespace

struct TraceInput::Parts {
  Result<void> fill();
  Result<std::size_t> copy(std::span<char> out);
  Result<std::size_t> unzstd(std::span<char> out);
  Result<std::size_t> gunzip(std::span<char> out);
  Error damaged(const char* what) const { return {ErrorCode::kCorrupt, name + ": " + what}; }

  std::string name;
  UniqueFd file;
  std::uint64_t bytes_left = 0;  // that may be read, unpacked
  std::vector<char> packed;
  std::size_t begin = 0;  // of what is not used yet
  std::size_t end = 0;
  bool at_end = false;  // of the file
  bool inside = false;  // of a frame or member that is not complete
  std::unique_ptr<ZSTD_DStream, ZstdDelete> zstd;
  std::unique_ptr<z_stream, InflateDelete> gzip;
};

// More of the file, when all of what was read is used.
Result<void> TraceInput::Parts::fill() {
  if (begin < end || at_end) return {};
  ssize_t got = -1;
  do {
    got = ::read(file.get(), packed.data(), packed.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Error{ErrorCode::kUnavailable, name + ": " + std::strerror(errno)};
  begin = 0;
  end = static_cast<std::size_t>(got);
  at_end = got == 0;
  return {};
}

Result<std::size_t> TraceInput::Parts::copy(std::span<char> out) {
  if (auto filled = fill(); !filled) return filled.error();
  const std::size_t bytes = std::min(out.size(), end - begin);
  std::memcpy(out.data(), packed.data() + begin, bytes);
  begin += bytes;
  return bytes;
}

Result<std::size_t> TraceInput::Parts::unzstd(std::span<char> out) {
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (to.pos == 0) {
    if (auto filled = fill(); !filled) return filled.error();
    ZSTD_inBuffer from{packed.data(), end, begin};
    const std::size_t wanted = ZSTD_decompressStream(zstd.get(), &to, &from);
    if (ZSTD_isError(wanted) != 0) return damaged(ZSTD_getErrorName(wanted));
    const bool moved = from.pos > begin || to.pos > 0;
    begin = from.pos;
    if (moved) inside = wanted != 0;
    if (to.pos == 0 && begin == end && at_end) {
      if (inside) return damaged("the zstd data is cut short");
      return 0;
    }
  }
  return to.pos;
}

Result<std::size_t> TraceInput::Parts::gunzip(std::span<char> out) {
  gzip->next_out = reinterpret_cast<Bytef*>(out.data());
  gzip->avail_out = static_cast<uInt>(out.size());
  while (gzip->avail_out == out.size()) {
    if (auto filled = fill(); !filled) return filled.error();
    if (begin == end && at_end) {
      if (inside) return damaged("the gzip data is cut short");
      return 0;
    }
    inside = true;
    gzip->next_in = reinterpret_cast<Bytef*>(packed.data() + begin);
    gzip->avail_in = static_cast<uInt>(end - begin);
    const int status = ::inflate(gzip.get(), Z_NO_FLUSH);
    begin = end - gzip->avail_in;
    if (status == Z_STREAM_END) {
      inside = false;
      ::inflateReset(gzip.get());  // another member may follow
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return damaged(gzip->msg != nullptr ? gzip->msg : "the gzip data is damaged");
    }
  }
  return out.size() - gzip->avail_out;
}

TraceInput::TraceInput(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

TraceInput::~TraceInput() = default;

Result<std::unique_ptr<TraceInput>> TraceInput::open(const std::filesystem::path& path,
                                                     std::uint64_t bytes_max) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error{ErrorCode::kNotFound, path.string() + ": " + std::strerror(errno)};
  return open(std::move(file), path.string(), bytes_max);
}

Result<std::unique_ptr<TraceInput>> TraceInput::open(UniqueFd file, std::string name,
                                                     std::uint64_t bytes_max) {
  auto parts = std::make_unique<Parts>();
  parts->name = std::move(name);
  parts->file = std::move(file);
  parts->bytes_left = bytes_max;
  parts->packed.resize(kInputBytes);
  if (auto filled = parts->fill(); !filled) return filled.error();
  const std::string_view head(parts->packed.data(), parts->end);
  if (head.starts_with(kZstdMagic)) {
    parts->zstd.reset(ZSTD_createDStream());
    if (parts->zstd == nullptr) return parts->damaged("no memory for zstd");
  } else if (head.starts_with(kGzipMagic)) {
    constexpr int kGzipWindow = 15 + 16;  // the largest window, with a gzip header
    auto stream = std::make_unique<z_stream>();
    if (::inflateInit2(stream.get(), kGzipWindow) != Z_OK) {
      return parts->damaged("no memory for gzip");
    }
    parts->gzip.reset(stream.release());
  }
  return std::unique_ptr<TraceInput>(new TraceInput(std::move(parts)));
}

Result<std::size_t> TraceInput::read(std::span<char> out) {
  if (out.empty()) return 0;
  auto got = parts_->zstd != nullptr   ? parts_->unzstd(out)
             : parts_->gzip != nullptr ? parts_->gunzip(out)
                                       : parts_->copy(out);
  if (!got) return got;
  if (*got > parts_->bytes_left) {
    return Error{ErrorCode::kInvalid, parts_->name + ": holds more, unpacked, than it may"};
  }
  parts_->bytes_left -= *got;
  return got;
}

const std::string& TraceInput::name() const { return parts_->name; }

Result<std::string> pack_zstd(std::string_view text) {
  constexpr int kLevel = 6;  // names repeat: a higher one takes longer and gains little
  const std::unique_ptr<ZSTD_CCtx, ZstdPackerDelete> packer(ZSTD_createCCtx());
  if (packer == nullptr) return Error{ErrorCode::kUnavailable, "no memory for zstd"};
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t bytes =
      ZSTD_compress2(packer.get(), out.data(), out.size(), text.data(), text.size());
  if (ZSTD_isError(bytes) != 0) return Error{ErrorCode::kUnavailable, ZSTD_getErrorName(bytes)};
  out.resize(bytes);
  return out;
}

Result<UniqueFd> spool_standard_input() {
  const auto trouble = [](const char* what) {
    return Error{ErrorCode::kUnavailable,
                 std::string("standard input: ") + what + ": " + std::strerror(errno)};
  };
  std::error_code ignored;
  const auto directory = std::filesystem::temp_directory_path(ignored);
  UniqueFd spool(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (spool.get() < 0) return trouble("no temporary file");
  std::vector<char> buffer(kInputBytes);
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return trouble("cannot be read");
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t wrote =
          ::write(spool.get(), buffer.data() + done, static_cast<std::size_t>(got - done));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return trouble("cannot be kept in a temporary file");
      done += wrote;
    }
  }
  return Result<UniqueFd>(std::move(spool));
}

std::filesystem::path path_of(const UniqueFd& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

}  // namespace augurfs
