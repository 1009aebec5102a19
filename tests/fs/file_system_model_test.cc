// Random operations on a bucket whose keys provoke the odd cases, against a model that knows
// nothing but a map of keys. Right bytes or an error, and the error only where it is due.

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fs/file_system_fixture.h"

namespace augurfs {
namespace {

using namespace std::string_literals;

// What the tree below a prefix looks like, straight from the sentences of docs/semantics.md.
struct ModelDirectory {
  std::set<std::string> directories;
  std::map<std::string, std::string> files;  // name, content
  std::uint64_t unreachable = 0;
};

class Model {
 public:
  std::map<std::string, std::string> keys;
  std::map<std::string, std::set<std::string>> history;  // every content a key ever had
  std::map<std::string, int> changes;

  ModelDirectory directory(const std::string& prefix) const {
    ModelDirectory result;
    std::set<std::string> below;
    for (auto it = keys.lower_bound(prefix); it != keys.end(); ++it) {
      if (!it->first.starts_with(prefix)) break;
      const std::string rest = it->first.substr(prefix.size());
      const std::size_t slash = rest.find('/');
      if (rest.empty()) {
        if (!it->second.empty()) ++result.unreachable;
      } else if (slash == std::string::npos) {
        result.files[rest] = it->second;
      } else {
        below.insert(rest.substr(0, slash));
      }
    }
    for (const std::string& name : below) {
      result.files.erase(name) > 0 ? ++result.unreachable : 0;
      nameable(name) ? void(result.directories.insert(name)) : void(++result.unreachable);
    }
    result.unreachable +=
        std::erase_if(result.files, [](const auto& file) { return !nameable(file.first); });
    return result;
  }

 private:
  static bool nameable(const std::string& name) {
    return name != "" && name != "." && name != ".." && name.size() < 256 &&
           name.find('\0') == std::string::npos;
  }
};

class Player {
 public:
  explicit Player(std::uint64_t seed) : random_(seed) {}

  void operations(int count) {
    for (int i = 0; i < count && !::testing::Test::HasFailure(); ++i) operation();
    for (const Open& file : open_) fixture_.files.release(file.handle);
    fixture_.forget_all();
    EXPECT_EQ(fixture_.files.stats().inodes, 1U) << "inodes are left behind";
    EXPECT_EQ(fixture_.files.stats().open_files, 0U);
  }

 private:
  struct Open {
    HandleNumber handle{};
    std::string key;
    std::string content;
    int changes = 0;  // of the key until then
  };

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string random_key() {
    static const std::vector<std::string> kNames{
        "a", "a", "b", "b", "a-", "a.b", "\xff\\\n", "", ".", "..", "\0x"s, std::string(256, 'n')};
    std::string key = kNames[below(kNames.size())];
    for (std::size_t depth = below(4); depth > 0; --depth)
      key += "/" + kNames[below(kNames.size())];
    if (below(6) == 0) key += "/";
    return key.empty() ? "/" : key;
  }

  std::string random_content() {
    const std::size_t sizes[] = {0, 1, below(100), below(3 * FileSystemFixture::kChunkBytes)};
    std::string content(sizes[below(4)], ' ');
    for (char& c : content) c = static_cast<char>('a' + below(26));
    return content;
  }

  void operation() {
    switch (below(8)) {
      case 0:
      case 1:
        put();
        break;
      case 2:
        remove();
        break;
      case 3:
        fixture_.expire();
        believed_ = true;
        break;
      case 4:
        believed_ ? compare_tree() : read_unsure();
        break;
      case 5:
        open();
        break;
      case 6:
        for (const Open& file : open_) read(file);
        break;
      default:
        below(4) == 0 ? fixture_.forget_all() : release();
    }
  }

  void put() {
    const std::string key = random_key();
    const std::string content = random_content();
    fixture_.store.put(key, content);
    model_.keys[key] = content;
    model_.history[key].insert(content);
    ++model_.changes[key];
    believed_ = false;
  }

  void remove() {
    if (model_.keys.empty()) return;
    const auto victim =
        std::next(model_.keys.begin(), static_cast<std::ptrdiff_t>(below(model_.keys.size())));
    fixture_.store.remove(victim->first);
    ++model_.changes[victim->first];
    model_.keys.erase(victim);
    believed_ = false;
  }

  // All that is known is as the bucket is now: the tree is the model's, and so is the count of
  // what is not in it. A FileSystem of its own, because a count goes back to what was listed ever.
  void compare_tree() {
    FileSystem fresh({}, fixture_.cache(), nullptr);
    std::uint64_t unreachable = 0;
    compare_directory("", unreachable, fresh, kRootInode);
    EXPECT_EQ(fresh.stats().unreachable_keys, unreachable);
  }

  void compare_directory(const std::string& path, std::uint64_t& unreachable, FileSystem& counted,
                         InodeNumber inode) {
    const ModelDirectory expected = model_.directory(path);
    unreachable += expected.unreachable;
    const auto handle = counted.open_directory(inode, {});
    ASSERT_TRUE(handle) << path << ": " << handle.error().message;
    counted.release_directory(*handle);
    const auto found = fixture_.list(path, below(2) == 0, 1 + below(5));
    ASSERT_TRUE(found) << path << ": " << found.error().message;
    std::set<std::string> directories;
    for (const auto& [name, entry] : *found) {
      if (entry.kind == FileKind::kDirectory) directories.insert(name);
      if (entry.kind == FileKind::kDirectory) continue;
      ASSERT_TRUE(expected.files.contains(name)) << path << name;
      EXPECT_EQ(entry.size_bytes, expected.files.at(name).size()) << path << name;
    }
    EXPECT_EQ(directories, expected.directories) << path;
    EXPECT_EQ(found->size(), expected.directories.size() + expected.files.size()) << path;
    for (const auto& [name, content] : expected.files) {
      const auto bytes = fixture_.content(path + name);
      ASSERT_TRUE(bytes) << path << name << ": " << bytes.error().message;
      EXPECT_EQ(*bytes, content) << path << name;
    }
    for (const std::string& name : expected.directories) {
      const auto child = counted.lookup(inode, name, {});
      ASSERT_TRUE(child) << path << name;
      compare_directory(path + name + "/", unreachable, counted, child->inode);
    }
  }

  // What is known may be old: an old content is right, and so is an error, a mixture is not.
  void read_unsure() {
    if (model_.history.empty()) return;
    const auto& [key, contents] = *std::next(
        model_.history.begin(), static_cast<std::ptrdiff_t>(below(model_.history.size())));
    const auto bytes = fixture_.content(key);
    if (bytes) {
      EXPECT_TRUE(contents.contains(*bytes)) << key;
      return;
    }
    const ErrorCode code = bytes.error().code;
    EXPECT_TRUE(code == ErrorCode::kNotFound || code == ErrorCode::kStale) << bytes.error().message;
  }

  void open() {
    if (!believed_ || model_.keys.empty() || open_.size() > 8) return;
    const auto& [key, content] =
        *std::next(model_.keys.begin(), static_cast<std::ptrdiff_t>(below(model_.keys.size())));
    const auto handle = fixture_.open(key);
    if (handle) open_.push_back({*handle, key, content, model_.changes[key]});
  }

  void read(const Open& file) {
    const std::size_t offset = below(file.content.size() + 10);
    const std::size_t size = below(file.content.size() + 10);
    const auto bytes = fixture_.read(file.handle, offset, size);
    if (bytes) {
      const std::size_t begin = std::min(offset, file.content.size());
      EXPECT_EQ(*bytes, file.content.substr(begin, size)) << file.key;
      return;
    }
    EXPECT_EQ(bytes.error().code, ErrorCode::kStale) << bytes.error().message;
    EXPECT_NE(model_.changes[file.key], file.changes) << file.key << " is what it was";
  }

  void release() {
    if (open_.empty()) return;
    const auto closed = open_.begin() + static_cast<std::ptrdiff_t>(below(open_.size()));
    fixture_.files.release(closed->handle);
    open_.erase(closed);
  }

  std::mt19937_64 random_;
  FileSystemFixture fixture_;
  Model model_;
  std::vector<Open> open_;
  bool believed_ = true;  // nothing has changed since the metadata was last expired
};

class FileSystemModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(FileSystemModel, RandomOperationsAgreeWithAMapOfKeys) {
  Player(GetParam()).operations(1000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FileSystemModel, ::testing::Range<std::uint64_t>(0, 12));

}  // namespace
}  // namespace augurfs
