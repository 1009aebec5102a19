#include "cache/metadata_table.h"

#include <algorithm>
#include <utility>

namespace augurfs {

ChildFacts DirectoryPage::child(const std::string& prefix, const std::string& name) const {
  const std::string key = prefix + name;
  const std::string below = key + "/";
  ChildFacts facts;
  if (complete || key <= covers) {
    const auto found = std::lower_bound(
        listing.objects.begin(), listing.objects.end(), key,
        [](const ObjectInfo& object, const std::string& k) { return object.version.key < k; });
    const bool present = found != listing.objects.end() && found->version.key == key;
    facts.object = present ? std::optional<ObjectInfo>(*found) : std::nullopt;
  }
  if (complete || below <= covers) {
    facts.is_prefix = std::binary_search(listing.prefixes.begin(), listing.prefixes.end(), below);
  }
  return facts;
}

ChildFacts MetadataTable::child(const std::string& prefix, const std::string& name, Time oldest) {
  ChildFacts known;
  Directory* directory = find(prefix);
  if (directory == nullptr) return known;
  Time page_asked = Time::min();
  if (directory->page && directory->page->asked > oldest) {
    known = directory->page->child(prefix, name);
    page_asked = directory->page->asked;
  }
  const auto found = directory->facts.find(name);
  if (found == directory->facts.end()) return known;
  const auto later = [&](auto& current, const auto& fact) {
    const bool decides = fact.asked > oldest && (fact.asked >= page_asked || !current);
    if (decides) current = fact.value;
  };
  later(known.object, found->second.object);
  later(known.is_prefix, found->second.is_prefix);
  return known;
}

std::shared_ptr<const DirectoryPage> MetadataTable::page(const std::string& prefix, Time oldest) {
  Directory* directory = find(prefix);
  if (directory == nullptr || !directory->page || directory->page->asked <= oldest) return nullptr;
  return directory->page;
}

std::shared_ptr<const DirectoryPage> MetadataTable::listing(const std::string& prefix,
                                                            Time oldest) {
  auto known = page(prefix, oldest);
  if (!known || !known->complete || known->asked <= doubted(prefix)) return nullptr;
  return known;
}

MetadataTable::Time MetadataTable::doubted(const std::string& prefix) const {
  const auto directory = directories_.find(prefix);
  return directory == directories_.end() ? Time::min() : directory->second.doubted;
}

MetadataTable::Time MetadataTable::forgotten(const std::string& prefix,
                                             const std::string& name) const {
  const auto directory = directories_.find(prefix);
  if (directory == directories_.end()) return Time::min();
  const auto facts = directory->second.facts.find(name);
  if (facts == directory->second.facts.end() || facts->second.object.value) return Time::min();
  return facts->second.object.asked;
}

void MetadataTable::put_page(const std::string& prefix, std::shared_ptr<const DirectoryPage> page) {
  Directory& directory = find_or_add(prefix);
  if (directory.page && directory.page->asked > page->asked) return;
  entries_ -= cost(directory);
  const Time asked = page->asked;
  directory.page = std::move(page);
  if (directory.page->complete) {
    std::erase_if(directory.facts, [asked](const auto& entry) {
      return entry.second.object.asked <= asked && entry.second.is_prefix.asked <= asked;
    });
  }
  entries_ += cost(directory);
  evict_to_bound();
}

void MetadataTable::put_object(const std::string& prefix, const std::string& name,
                               std::optional<ObjectInfo> object, Time asked) {
  Directory& directory = find_or_add(prefix);
  Fact<std::optional<ObjectInfo>>& fact = facts_of(directory, name).object;
  if (fact.asked > asked) return;
  if (directory.page && directory.page->asked <= asked) {
    const auto listed = directory.page->child(prefix, name).object;
    const auto version = [](const std::optional<ObjectInfo>& info) {
      return info ? std::optional<Version>(info->version) : std::nullopt;
    };
    if (listed && version(*listed) != version(object)) directory.doubted = asked;
  }
  fact = {asked, std::move(object)};
  evict_to_bound();
}

void MetadataTable::put_is_prefix(const std::string& prefix, const std::string& name,
                                  bool is_prefix, Time asked) {
  Fact<bool>& fact = facts_of(find_or_add(prefix), name).is_prefix;
  if (fact.asked <= asked) fact = {asked, is_prefix};
  evict_to_bound();
}

void MetadataTable::forget(const std::string& prefix, const std::string& name, Time now) {
  Directory& directory = find_or_add(prefix);
  facts_of(directory, name).object = {now, std::nullopt};
  directory.doubted = now;
  evict_to_bound();
}

// The prefix itself counts, so that any number of empty ones is bounded too.
std::uint64_t MetadataTable::cost(const Directory& directory) {
  std::uint64_t entries = 1 + directory.facts.size();
  if (directory.page) {
    entries += directory.page->listing.objects.size() + directory.page->listing.prefixes.size();
  }
  return entries;
}

MetadataTable::Directory* MetadataTable::find(const std::string& prefix) {
  const auto found = directories_.find(prefix);
  if (found == directories_.end()) return nullptr;
  uses_.splice(uses_.begin(), uses_, found->second.use);
  return &found->second;
}

MetadataTable::Directory& MetadataTable::find_or_add(const std::string& prefix) {
  if (Directory* known = find(prefix)) return *known;
  const auto added = directories_.try_emplace(prefix).first;
  uses_.push_front(&added->first);
  added->second.use = uses_.begin();
  entries_ += cost(added->second);
  return added->second;
}

MetadataTable::Facts& MetadataTable::facts_of(Directory& directory, const std::string& name) {
  const auto [found, added] = directory.facts.try_emplace(name);
  if (added) ++entries_;
  return found->second;
}

void MetadataTable::evict_to_bound() {
  while (entries_ > entries_max_ && !uses_.empty()) {
    const auto victim = directories_.find(*uses_.back());
    entries_ -= cost(victim->second);
    uses_.pop_back();
    directories_.erase(victim);
  }
}

}  // namespace augurfs
