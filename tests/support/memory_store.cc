#include "support/memory_store.h"

#include <algorithm>
#include <string_view>

namespace augurfs {
namespace {

Error not_found(const std::string& key) {
  return {ErrorCode::kNotFound, "memory: no object '" + key + "'"};
}

}  // namespace

Version MemoryStore::put(const std::string& key, std::string content) {
  auto state = state_.lock();
  ++state->puts;
  Version version{key, "etag-" + std::to_string(state->puts), content.size()};
  const std::chrono::sys_seconds modified{
      std::chrono::seconds{1'700'000'000 + static_cast<std::int64_t>(state->puts)}};
  state->objects[key] = Object{{version, modified}, std::move(content)};
  return version;
}

void MemoryStore::remove(const std::string& key) { state_.lock()->objects.erase(key); }

Result<ObjectInfo> MemoryStore::head(const std::string& key, std::stop_token) {
  auto state = state_.lock();
  ++state->stats.requests;
  const auto found = state->objects.find(key);
  if (found == state->objects.end()) return not_found(key);
  return found->second.info;
}

Result<ListPage> MemoryStore::list(const ListRequest& request, std::stop_token) {
  auto state = state_.lock();
  ++state->stats.requests;
  ListPage page;
  const std::string after = std::max(request.start_after, request.continuation);
  std::string last;
  for (auto it = state->objects.lower_bound(request.prefix); it != state->objects.end(); ++it) {
    const std::string& key = it->first;
    if (!key.starts_with(request.prefix)) break;
    const std::size_t cut = request.delimiter.empty()
                                ? std::string::npos
                                : key.find(request.delimiter, request.prefix.size());
    const bool grouped = cut != std::string::npos;
    const std::string entry = grouped ? key.substr(0, cut + request.delimiter.size()) : key;
    if (entry <= after || (grouped && entry == last)) continue;
    if (page.objects.size() + page.prefixes.size() == static_cast<std::size_t>(request.max_keys)) {
      page.next = last;
      break;
    }
    if (grouped) {
      page.prefixes.push_back(entry);
    } else {
      page.objects.push_back(it->second.info);
    }
    last = entry;
  }
  return page;
}

Result<void> MemoryStore::get(const Version& version, ByteRange range, const ByteSink& sink,
                              std::stop_token stop) {
  if (range.length == 0) return {};
  std::string bytes;
  {
    auto state = state_.lock();
    ++state->stats.requests;
    const auto found = state->objects.find(version.key);
    if (found == state->objects.end() || found->second.info.version != version) {
      return Error{ErrorCode::kStale, "memory: '" + version.key + "' has been replaced or removed"};
    }
    bytes = found->second.content.substr(range.offset, range.length);
    state->stats.bytes_received += bytes.size();
  }
  constexpr std::size_t kPieceBytes = 16 * 1024;  // several pieces, as a network would deliver
  for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "memory: cancelled"};
    const std::string_view piece = std::string_view(bytes).substr(at, kPieceBytes);
    if (!sink(std::as_bytes(std::span(piece)))) {
      return Error{ErrorCode::kCancelled, "memory: cancelled by the sink"};
    }
  }
  return {};
}

}  // namespace augurfs
