#include "cache/listing_cutter.h"

#include <utility>

namespace augurfs {

ListingCutter::ListingCutter(std::string root, std::string after, std::size_t open_entries_max)
    : root_(std::move(root)),
      after_(std::move(after)),
      open_entries_max_(open_entries_max),
      last_(after_) {}

bool ListingCutter::add(const ListPage& page, std::chrono::steady_clock::time_point asked,
                        std::vector<CutListing>& complete) {
  if (!page.prefixes.empty() || page.left_out != 0) return false;
  for (const ObjectInfo& object : page.objects) {
    const std::string& key = object.version.key;
    if (key <= last_ || !key.starts_with(root_)) return false;
    while (!levels_.empty() && !key.starts_with(levels_.back().directory.prefix)) close(complete);
    if (levels_.empty()) open(root_, asked);
    std::size_t begin = levels_.back().directory.prefix.size();
    for (std::size_t slash = key.find('/', begin); slash != std::string::npos;
         slash = key.find('/', begin)) {
      begin = slash + 1;
      open(key.substr(0, begin), asked);
    }
    if (Level& level = levels_.back(); level.whole) {
      level.directory.page.listing.objects.push_back(object);
      ++open_entries_;
    }
    last_ = key;
  }
  if (page.next.empty()) {
    while (!levels_.empty()) close(complete);
  }
  return open_entries_ <= open_entries_max_;
}

void ListingCutter::open(std::string prefix, std::chrono::steady_clock::time_point asked) {
  if (!levels_.empty() && levels_.back().whole) {
    levels_.back().directory.page.listing.prefixes.push_back(prefix);
    ++open_entries_;
  }
  Level level;
  level.whole = after_.empty() || prefix > after_;
  level.directory.prefix = std::move(prefix);
  level.directory.page.asked = asked;
  levels_.push_back(std::move(level));
}

void ListingCutter::close(std::vector<CutListing>& complete) {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  if (!level.whole) return;
  Listing& listing = level.directory.page.listing;
  open_entries_ -= listing.objects.size() + listing.prefixes.size();
  listing.objects.shrink_to_fit();  // it is kept for long
  listing.prefixes.shrink_to_fit();
  level.directory.page.complete = true;
  complete.push_back(std::move(level.directory));
}

}  // namespace augurfs
