#include "predictor/brain/briefing.h"

#include <utility>

#include "predictor/brain/protocol.h"

namespace augurfs {
namespace {

// Of the names and sizes of children and the names of subdirectories, in their order.
std::uint64_t digest(ObjectId directory, const Catalog& catalog) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const auto children = catalog.children(directory);
  std::uint64_t sum = children.size();
  const auto mix = [&sum](ObjectId id, std::uint64_t bytes) {
    sum = (sum ^ static_cast<std::uint64_t>(id) ^ bytes) * kOdd;
    sum ^= sum >> 32U;
  };
  for (const ObjectId child : children) {
    const Version* version = catalog.version(child);
    mix(child, version == nullptr ? 0 : version->size);
  }
  for (const ObjectId subdirectory : catalog.subdirectories(directory)) mix(subdirectory, 0);
  return sum;
}

}  // namespace

std::vector<std::string> Briefing::records(const Event& event, const Catalog& catalog) {
  auto records = what_is_new(event, catalog);
  const std::size_t told = objects_.size() + directories_.size();
  if (told > 0 && told + new_objects_.size() + new_directories_.size() > kBrainObjectsMax) {
    begin_anew();
    records = what_is_new(event, catalog);
  }
  records.push_back(encode(DaemonRecord(event)));
  return records;
}

void Briefing::commit() {
  for (const Told& told : new_objects_) objects_[told.id] = told.what;
  for (const Told& told : new_directories_) directories_[told.id] = told.what;
}

std::vector<std::string> Briefing::what_is_new(const Event& event, const Catalog& catalog) {
  new_objects_.clear();
  new_directories_.clear();
  std::vector<std::string> records;
  const bool listed =
      event.operation == Operation::kList || event.operation == Operation::kListedAhead;
  add_listing(listed ? event.object : catalog.directory(event.object), listed, catalog, records);
  if (!listed) add_object(event.object, catalog, records);
  return records;
}

void Briefing::begin_anew() {
  objects_.clear();
  directories_.clear();
}

// A directory that grew by an object that was seen is no news: the brain sees it grow as well.
void Briefing::add_listing(ObjectId directory, bool listed_now, const Catalog& catalog,
                           std::vector<std::string>& records) {
  const auto known = directories_.find(directory);
  if (known != directories_.end() && !listed_now) return;
  const std::string* prefix = catalog.prefix(directory);
  if (prefix == nullptr || prefix->size() > kToldKeyBytesMax) return;
  const auto children = catalog.children(directory);
  const auto subdirectories = catalog.subdirectories(directory);
  if (children.empty() && subdirectories.empty()) return;
  const std::uint64_t now = digest(directory, catalog);
  if (known != directories_.end() && known->second == now) return;
  new_directories_.push_back({directory, now});

  ListingNews piece{.prefix = *prefix};
  const std::size_t empty_bytes = encode(DaemonRecord(piece)).size();
  std::size_t bytes = empty_bytes;
  std::size_t bytes_of_all = 0;
  const auto add = [&](ObjectId id, const std::string& key, std::uint64_t size) {
    ListingNews::Child entry{key.substr(prefix->size()), size};
    const std::size_t more = encoded_bytes(entry);
    bytes_of_all += more;
    if (bytes_of_all > kListingBytesMax) return false;
    if (bytes + more > kPacketBytesMax) {
      piece.last = false;
      records.push_back(encode(DaemonRecord(std::move(piece))));
      piece = {.prefix = *prefix};
      bytes = empty_bytes;
    }
    bytes += more;
    new_objects_.push_back({id, size});
    piece.children.push_back(std::move(entry));
    return true;
  };
  for (const ObjectId child : children) {
    const Version* version = catalog.version(child);
    if (version == nullptr || version->key.size() > kToldKeyBytesMax) continue;
    // A marker of the directory ("d/" in "d/") lies in the one above; no program reads it.
    if (directory_id(version->key) != directory) continue;
    if (!add(child, version->key, version->size)) break;
  }
  for (const ObjectId subdirectory : subdirectories) {
    const std::string* key = catalog.prefix(subdirectory);
    if (key == nullptr || key->size() > kToldKeyBytesMax || key->size() <= prefix->size()) continue;
    if (!add(subdirectory, *key, 0)) break;
  }
  if (!piece.children.empty()) records.push_back(encode(DaemonRecord(std::move(piece))));
}

void Briefing::add_object(ObjectId object, const Catalog& catalog,
                          std::vector<std::string>& records) {
  const Version* version = catalog.version(object);
  if (version == nullptr || version->key.size() > kToldKeyBytesMax) return;
  const auto known = objects_.find(object);
  if (known != objects_.end() && known->second == version->size) return;
  for (const Told& told : new_objects_) {
    if (told.id == object) return;  // it stands in the listing just told
  }
  new_objects_.push_back({object, version->size});
  records.push_back(encode(DaemonRecord(ObjectNews{version->key, version->size})));
}

}  // namespace augurfs
