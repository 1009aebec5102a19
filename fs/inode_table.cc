#include "fs/inode_table.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace augurfs {

InodeTable::InodeTable(std::string root_prefix, std::chrono::sys_seconds directory_time)
    : root_prefix_(std::move(root_prefix)), directory_time_(directory_time) {
  auto state = state_.lock();
  Inode& root = state->inodes[kRootInode];
  root.number = kRootInode;
  root.parent = kRootInode;
  root.holds = 1;  // for ever: the kernel never looks it up, yet may forget it at the end
  root.modified = directory_time_;
  state->next = InodeNumber{static_cast<std::uint64_t>(kRootInode) + 1};
}

std::optional<Attributes> InodeTable::look_up(InodeNumber parent, std::string_view name,
                                              const ObjectInfo* object, InodeNumber as_of) {
  auto state = state_.lock();
  const Inode* directory = find(*state, parent);
  if (directory == nullptr || directory->kind != FileKind::kDirectory) return std::nullopt;
  const auto named = state->names.find(Name{parent, name});
  Inode* inode = named == state->names.end() ? nullptr : named->second;
  if (inode == nullptr || (!is(*inode, object) && inode->number < as_of)) {
    if (inode != nullptr) state->names.erase(named);
    inode = &add(*state, parent, name, object);
    if (object == nullptr) inode->modified = directory_time_;
  }
  ++inode->lookups;
  return attributes_of(*inode);
}

InodeNumber InodeTable::now() const { return state_.lock()->next; }

void InodeTable::forget(InodeNumber inode, std::uint64_t lookups) {
  auto state = state_.lock();
  Inode* forgotten = find(*state, inode);
  if (forgotten == nullptr) return;
  forgotten->lookups -= std::min(lookups, forgotten->lookups);
  free_unused(*state, inode);
}

void InodeTable::hold(InodeNumber inode) {
  auto state = state_.lock();
  if (Inode* held = find(*state, inode); held != nullptr) ++held->holds;
}

void InodeTable::unhold(InodeNumber inode) {
  auto state = state_.lock();
  Inode* held = find(*state, inode);
  if (held == nullptr) return;
  --held->holds;
  free_unused(*state, inode);
}

std::optional<InodeNumber> InodeTable::without_pages(const Version& version) const {
  auto state = state_.lock();
  const Inode* file = file_of(*state, version.key);
  if (file == nullptr || file->lookups == 0 || file->pages != Pages::kNone) return std::nullopt;
  if (file->etag != version.etag || file->size_bytes != version.size) return std::nullopt;
  return file->number;
}

bool InodeTable::store_pages(InodeNumber inode) {
  auto state = state_.lock();
  Inode* file = find(*state, inode);
  if (file == nullptr || file->kind != FileKind::kFile) return false;
  if (file->holds > 0 || file->pages != Pages::kNone) return false;
  file->pages = Pages::kUnasked;
  return true;
}

void InodeTable::drop_pages(InodeNumber inode) {
  auto state = state_.lock();
  Inode* file = find(*state, inode);
  if (file != nullptr && file->pages == Pages::kUnasked) file->pages = Pages::kNone;
}

bool InodeTable::has_unasked_pages(InodeNumber inode) const {
  auto state = state_.lock();
  const Inode* file = find(*state, inode);
  return file != nullptr && file->pages == Pages::kUnasked;
}

bool InodeTable::ask_pages(InodeNumber inode) {
  auto state = state_.lock();
  Inode* file = find(*state, inode);
  return file != nullptr && std::exchange(file->pages, Pages::kAsked) == Pages::kUnasked;
}

std::optional<Attributes> InodeTable::attributes(InodeNumber inode) const {
  auto state = state_.lock();
  const Inode* found = find(*state, inode);
  if (found == nullptr) return std::nullopt;
  return attributes_of(*found);
}

std::optional<InodeNumber> InodeTable::known(InodeNumber parent, std::string_view name) const {
  auto state = state_.lock();
  const auto named = state->names.find({parent, name});
  if (named == state->names.end()) return std::nullopt;
  return named->second->number;
}

std::optional<InodeTable::Directory> InodeTable::directory(InodeNumber inode) const {
  auto state = state_.lock();
  const Inode* found = find(*state, inode);
  if (found == nullptr || found->kind != FileKind::kDirectory) return std::nullopt;
  return Directory{prefix_of(*state, inode), found->parent};
}

std::optional<InodeTable::File> InodeTable::file(InodeNumber inode) const {
  auto state = state_.lock();
  const Inode* found = find(*state, inode);
  if (found == nullptr || found->kind != FileKind::kFile) return std::nullopt;
  std::string prefix = prefix_of(*state, found->parent);
  Version version{prefix + found->name, found->etag, found->size_bytes};
  return File{std::move(prefix), found->name, std::move(version)};
}

std::size_t InodeTable::size() const { return state_.lock()->inodes.size(); }

std::size_t InodeTable::NameHash::operator()(const Name& name) const {
  // An odd constant with about half of its bits set (2^64 / the golden ratio): neighbouring parents
  // must not share their children's buckets.
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
  return std::hash<std::string_view>{}(name.name) ^
         (static_cast<std::uint64_t>(name.parent) * kSpread);
}

bool InodeTable::is(const Inode& inode, const ObjectInfo* object) {
  if (object == nullptr) return inode.kind == FileKind::kDirectory;
  return inode.kind == FileKind::kFile && inode.etag == object->version.etag &&
         inode.size_bytes == object->version.size && inode.modified == object->modified;
}

InodeTable::Inode& InodeTable::add(State& state, InodeNumber parent, std::string_view name,
                                   const ObjectInfo* object) {
  const InodeNumber number = state.next;
  state.next = InodeNumber{static_cast<std::uint64_t>(number) + 1};
  Inode& inode = state.inodes[number];
  inode.number = number;
  inode.parent = parent;
  inode.name = name;
  if (object != nullptr) {
    inode.kind = FileKind::kFile;
    inode.etag = object->version.etag;
    inode.size_bytes = object->version.size;
    inode.modified = object->modified;
  }
  state.names[{parent, inode.name}] = &inode;
  ++find(state, parent)->holds;
  return inode;
}

// Frees the inode if nothing needs it, then its parent if it was the last to need that, and so on.
void InodeTable::free_unused(State& state, InodeNumber number) {
  for (;;) {
    const Inode* inode = find(state, number);
    if (inode->lookups > 0 || inode->holds > 0) return;
    const InodeNumber parent = inode->parent;
    const auto named = state.names.find({parent, inode->name});
    if (named != state.names.end() && named->second == inode) state.names.erase(named);
    state.inodes.erase(number);
    number = parent;
    --find(state, number)->holds;
  }
}

InodeTable::Inode* InodeTable::find(State& state, InodeNumber number) {
  const auto found = state.inodes.find(number);
  return found == state.inodes.end() ? nullptr : &found->second;
}

Attributes InodeTable::attributes_of(const Inode& inode) {
  return {inode.number, inode.kind, inode.size_bytes, inode.modified};
}

// By name after name, as the kernel came to know it; null when it does not.
const InodeTable::Inode* InodeTable::file_of(State& state, std::string_view key) const {
  if (!key.starts_with(root_prefix_)) return nullptr;
  std::string_view path = key.substr(root_prefix_.size());
  InodeNumber directory = kRootInode;
  for (;;) {
    const std::size_t slash = path.find('/');
    const auto named = state.names.find(Name{directory, path.substr(0, slash)});
    if (named == state.names.end()) return nullptr;
    const Inode* inode = named->second;
    if (slash == std::string_view::npos) return inode->kind == FileKind::kFile ? inode : nullptr;
    directory = inode->number;
    path.remove_prefix(slash + 1);
  }
}

// The keys below a directory start with this.
std::string InodeTable::prefix_of(State& state, InodeNumber number) const {
  std::vector<const std::string*> names;
  std::size_t bytes = root_prefix_.size();
  while (number != kRootInode) {
    const Inode* inode = find(state, number);
    names.push_back(&inode->name);
    bytes += inode->name.size() + 1;
    number = inode->parent;
  }
  std::string prefix;
  prefix.reserve(bytes);
  prefix += root_prefix_;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    prefix += **name;
    prefix += '/';
  }
  return prefix;
}

}  // namespace augurfs
