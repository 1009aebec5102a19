#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "remote/object_store.h"

namespace augurfs {

// A bucket with one object, "huge", of 6 GiB, whose bytes tell where they are.
class HugeStore : public ObjectStore {
 public:
  static constexpr std::uint64_t kSize = 6ULL << 30;

  static std::string bytes(std::uint64_t offset, std::uint64_t count) {
    std::string result;
    while (result.size() < count) result += byte(offset + result.size());
    return result;
  }

  Result<ObjectInfo> head(const std::string& key, std::stop_token) override {
    if (key != "huge") return Error{ErrorCode::kNotFound, key};
    return info();
  }
  Result<ListPage> list(const ListRequest& request, std::stop_token) override {
    ListPage page;
    if (std::string("huge").starts_with(request.prefix)) page.objects.push_back(info());
    return page;
  }
  Result<void> get(const Version&, ByteRange range, const ByteSink& sink,
                   std::stop_token) override {
    const std::string body = bytes(range.offset, range.length);
    if (!sink(std::as_bytes(std::span(body)))) return Error{ErrorCode::kCancelled, "by the sink"};
    return {};
  }
  std::string identity() const override { return "huge"; }
  StoreStats stats() const override { return {}; }

 private:
  // Another letter every mebibyte and a bit, so that neighbours in chunks and in 4 GiB differ.
  static char byte(std::uint64_t offset) {
    return static_cast<char>('a' + offset / 1'000'000 % 26);
  }
  static ObjectInfo info() { return {{"huge", "etag", kSize}, {}}; }
};

}  // namespace augurfs
