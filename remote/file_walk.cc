#include "remote/file_walk.h"

#include <algorithm>
#include <utility>

namespace augurfs {

FileWalk::FileWalk(const FileTree& tree, const ListRequest& request)
    : tree_(tree),
      prefix_(request.prefix),
      one_level_(!request.delimiter.empty()),
      after_(std::max(request.start_after, request.continuation)) {}

// Whether the listing may hold `entry` or, for a directory, anything below it.
bool FileWalk::wanted(const std::string& entry) const {
  if (!entry.starts_with(prefix_)) return false;
  return entry > after_ || (!one_level_ && entry.ends_with('/') && after_.starts_with(entry));
}

Result<void> FileWalk::enter(std::string key) {
  Level level;
  auto directory = tree_.open_directory(key);
  if (!directory) return directory.error();
  auto names = tree_.names(*directory);
  if (!names) return names.error();
  level.directory = std::move(*directory);
  level.names = std::move(*names);
  std::erase_if(level.names, [&](const std::string& name) { return !wanted(key + name); });
  level.marker = !key.empty() && key.starts_with(prefix_) && key > after_;
  level.key = std::move(key);
  levels_.push_back(std::move(level));
  return {};
}

// The next entry of this directory; nullopt when there is none but perhaps a directory to enter.
Result<std::optional<FileWalk::Entry>> FileWalk::entry_in(Level& level) {
  if (!level.directory) {
    auto directory = tree_.open_directory(level.key);
    if (!directory) return directory.error();
    level.directory = std::move(*directory);
  }
  if (level.marker) {
    level.marker = false;
    const auto status = tree_.status(level.key);
    if (!status) return status.error();
    return Entry{object_info(level.key, *status)};
  }
  const std::string& name = level.names[level.next++];
  const std::string key = level.key + name;
  if (name.ends_with('/')) {
    if (one_level_) return Entry{Prefix{key}};
    if (auto entered = enter(key); !entered) return entered.error();  // `level` is gone now
    return std::nullopt;
  }
  const auto status = tree_.status(level.directory, name);
  if (!status) return status.error();
  if (!*status) {
    if (left_out_++ == 0) left_out_example_ = key;
    return std::nullopt;
  }
  return Entry{object_info(key, **status)};
}

Result<std::optional<FileWalk::Entry>> FileWalk::next_entry() {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (!level.marker && level.next == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    const std::size_t depth = levels_.size();
    auto entry = entry_in(level);
    if (entry) {
      if (*entry) return entry;
    } else if (entry.error().code != ErrorCode::kNotFound) {
      return entry.error();
    } else if (!levels_[depth - 1].directory) {
      levels_.pop_back();  // the directory itself has vanished between two pages
    }
  }
  return std::nullopt;
}

Result<ListPage> FileWalk::next_page(int max_keys, std::stop_token stop) {
  if (!std::exchange(started_, true)) {
    const std::string base = prefix_.substr(0, prefix_.rfind('/') + 1);  // npos + 1 is 0
    const auto entered = enter(base);
    if (!entered && entered.error().code != ErrorCode::kNotFound) return entered.error();
  }
  ListPage page;
  std::string last;
  for (int count = 0;; ++count) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "file: list cancelled"};
    if (!ahead_) {
      auto entry = next_entry();
      if (!entry) return entry.error();
      ahead_ = std::move(*entry);
    }
    if (!ahead_) break;
    if (count == max_keys) {
      page.next = last;
      break;
    }
    if (auto* const object = std::get_if<ObjectInfo>(&*ahead_)) {
      last = object->version.key;
      page.objects.push_back(std::move(*object));
    } else {
      last = std::get<Prefix>(*ahead_);
      page.prefixes.push_back(last);
    }
    ahead_.reset();
  }
  for (Level& level : levels_) level.directory = UniqueFd();
  page.left_out = std::exchange(left_out_, 0);
  page.left_out_example = std::move(left_out_example_);
  left_out_example_.clear();
  return page;
}

}  // namespace augurfs
