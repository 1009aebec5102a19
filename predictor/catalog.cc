#include "predictor/catalog.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace augurfs {

Catalog::Catalog(std::size_t objects_max) : objects_max_(std::max<std::size_t>(objects_max, 1)) {}

void Catalog::see(const Version& version) {
  const ObjectId id = object_id(version.key);
  if (const auto found = objects_.find(id); found != objects_.end()) {
    if (found->second.version != version) found->second.version = version;
    use(id);
    if (position(id) < children(found->second.directory).size()) return;
  }
  Object& seen = object(version);
  const std::string_view key = version.key;
  Directory& directory = directory_entry(seen.directory, directory_prefix(key));
  seen.position = static_cast<std::uint32_t>(directory.children.size());
  directory.children.push_back(id);
  ++children_;
  forget_directories(seen.directory);
}

void Catalog::list(std::string_view prefix, std::span<const ObjectInfo> objects,
                   std::span<const std::string> subdirectories) {
  objects = objects.first(std::min(objects.size(), objects_max_));
  subdirectories =
      subdirectories.first(std::min(subdirectories.size(), objects_max_ - objects.size()));
  const ObjectId id = object_id(prefix);
  list_subdirectories(id, prefix, subdirectories);
  Directory& directory = directory_entry(id, prefix);
  directory.is_listed = true;
  children_ -= directory.children.size();
  directory.children.clear();
  // The last ones first, so that the first of the listing are the most recently used.
  directory.children.resize(objects.size());
  for (std::size_t i = objects.size(); i-- > 0;) {
    Object& entry = object(objects[i].version);
    entry.position = static_cast<std::uint32_t>(i);
    directory.children[i] = object_id(objects[i].version.key);
  }
  children_ += directory.children.size();
  forget_directories(id);
}

// As with objects: the first of them are the most recently used.
void Catalog::list_subdirectories(ObjectId id, std::string_view prefix,
                                  std::span<const std::string> subdirectories) {
  std::vector<ObjectId> ids(subdirectories.size());
  for (std::size_t i = subdirectories.size(); i-- > 0;) {
    ids[i] = object_id(subdirectories[i]);
    directory_entry(ids[i], subdirectories[i]).position = static_cast<std::uint32_t>(i);
  }
  Directory& directory = directory_entry(id, prefix);
  children_ += ids.size();
  children_ -= directory.subdirectories.size();
  directory.subdirectories = std::move(ids);
}

void Catalog::use(ObjectId id) {
  const auto found = objects_.find(id);
  if (found == objects_.end()) return;
  object_order_.splice(object_order_.begin(), object_order_, found->second.use);
  const auto directory = directories_.find(found->second.directory);
  if (directory == directories_.end()) return;
  directory_order_.splice(directory_order_.begin(), directory_order_, directory->second.use);
}

const Version* Catalog::version(ObjectId id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second.version;
}

ObjectId Catalog::directory(ObjectId id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? id : found->second.directory;
}

const std::string* Catalog::prefix(ObjectId directory) const {
  const auto found = directories_.find(directory);
  return found == directories_.end() ? nullptr : &found->second.prefix;
}

std::span<const ObjectId> Catalog::children(ObjectId id) const {
  const auto found = directories_.find(id);
  if (found == directories_.end()) return {};
  return found->second.children;
}

std::span<const ObjectId> Catalog::subdirectories(ObjectId id) const {
  const auto found = directories_.find(id);
  if (found == directories_.end()) return {};
  return found->second.subdirectories;
}

std::size_t Catalog::subdirectory_position(ObjectId id) const {
  const auto found = directories_.find(id);
  return found == directories_.end() ? 0 : found->second.position;
}

bool Catalog::is_listed(ObjectId id) const {
  const auto found = directories_.find(id);
  return found != directories_.end() && found->second.is_listed;
}

std::size_t Catalog::position(ObjectId id) const {
  const auto found = objects_.find(id);
  if (found == objects_.end()) return 0;
  const auto siblings = children(found->second.directory);
  const std::size_t at = found->second.position;
  return at < siblings.size() && siblings[at] == id ? at : siblings.size();
}

Catalog::Object& Catalog::object(const Version& version) {
  const ObjectId id = object_id(version.key);
  const auto [entry, fresh] = objects_.try_emplace(id);
  Object& object = entry->second;
  if (fresh) {
    object_order_.push_front(id);
    object.use = object_order_.begin();
    object.directory = directory_id(version.key);
    object.version = version;
    forget_objects();
  } else {
    object_order_.splice(object_order_.begin(), object_order_, object.use);
    if (object.version != version) object.version = version;
  }
  return object;
}

Catalog::Directory& Catalog::directory_entry(ObjectId id, std::string_view prefix) {
  const auto [entry, fresh] = directories_.try_emplace(id);
  if (fresh) {
    directory_order_.push_front(id);
    entry->second.prefix = prefix;
    entry->second.use = directory_order_.begin();
  } else {
    directory_order_.splice(directory_order_.begin(), directory_order_, entry->second.use);
  }
  return entry->second;
}

void Catalog::forget_objects() {
  while (objects_.size() > objects_max_) {
    objects_.erase(object_order_.back());
    object_order_.pop_back();
  }
}

// The directory `but` alone may be beyond the bound by itself; its children are then too many to
// be remembered, and the older half of them goes.
void Catalog::forget_directories(ObjectId but) {
  while (children_ + directories_.size() > 2 * objects_max_ && directory_order_.back() != but) {
    const auto oldest = directories_.find(directory_order_.back());
    children_ -= oldest->second.children.size() + oldest->second.subdirectories.size();
    directories_.erase(oldest);
    directory_order_.pop_back();
  }
  auto& children = directories_.find(but)->second.children;
  if (children.size() <= objects_max_) return;
  const auto kept = children.begin() + static_cast<std::ptrdiff_t>(children.size() / 2);
  children_ -= static_cast<std::size_t>(kept - children.begin());
  children.erase(children.begin(), kept);
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto found = objects_.find(children[i]);
    if (found != objects_.end()) found->second.position = static_cast<std::uint32_t>(i);
  }
}

}  // namespace augurfs
