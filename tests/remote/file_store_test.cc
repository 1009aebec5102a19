#include "remote/file_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace filesystem = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() { reopen({}); }

  void reopen(FileStoreOptions options) {
    options.directory = directory_.path().string();
    auto opened = FileStore::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  // Every key of a listing, page by page; prefixes end in '/' as directory markers do.
  std::vector<std::string> keys(ListRequest request) {
    std::vector<std::string> all;
    for (;;) {
      const auto page = store_->list(request, {});
      if (!page) {
        ADD_FAILURE() << page.error().message;
        return all;
      }
      std::vector<std::string> entries = page->prefixes;
      for (const ObjectInfo& info : page->objects) entries.push_back(info.version.key);
      EXPECT_LE(entries.size(), static_cast<std::size_t>(request.max_keys));
      std::sort(entries.begin(), entries.end());
      all.insert(all.end(), entries.begin(), entries.end());
      if (page->next.empty()) return all;
      EXPECT_FALSE(entries.empty());
      request.continuation = page->next;
    }
  }

  Version version(const std::string& key) {
    const auto info = store_->head(key, {});
    if (info) return info->version;
    ADD_FAILURE() << info.error().message;
    return {};
  }

  Result<std::string> read(const Version& version, ByteRange range) {
    std::string bytes;
    const auto result =
        store_->get(version, range,
                    [&](std::span<const std::byte> piece) {
                      bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                      return true;
                    },
                    {});
    if (!result) return result.error();
    return bytes;
  }
  Result<std::string> read(const Version& version) { return read(version, {0, version.size}); }

  std::string content(const Version& version, std::optional<ByteRange> range = std::nullopt) {
    const auto bytes = read(version, range.value_or(ByteRange{0, version.size}));
    if (bytes) return *bytes;
    ADD_FAILURE() << bytes.error().message;
    return "";
  }

  ErrorCode head_error(const std::string& key) {
    const auto info = store_->head(key, {});
    EXPECT_FALSE(info) << key;
    return info ? ErrorCode::kInvalid : info.error().code;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<FileStore> store_;
};

using Keys = std::vector<std::string>;

TEST_F(FileStoreTest, HeadAndGetTellOfAFile) {
  directory_.write("dir/file", "0123456789");
  const auto info = store_->head("dir/file", {});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version.key, "dir/file");
  EXPECT_EQ(info->version.size, 10U);
  EXPECT_NE(info->version.etag, "");
  EXPECT_GT(info->modified.time_since_epoch().count(), 1'600'000'000);
  EXPECT_EQ(content(info->version), "0123456789");
  EXPECT_EQ(content(info->version, ByteRange{3, 4}), "3456");
  EXPECT_EQ(content(info->version, ByteRange{9, 1}), "9");
}

TEST_F(FileStoreTest, AListingKnowsTheVersionsThatHeadKnows) {
  directory_.write("a", "1");
  directory_.write("d/b", "22");
  const auto page = store_->list({}, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->objects.size(), 3U);
  for (const ObjectInfo& info : page->objects) {
    EXPECT_EQ(info.version, version(info.version.key));
    EXPECT_EQ(info.modified, store_->head(info.version.key, {})->modified);
  }
}

TEST_F(FileStoreTest, AnEmptyRangeMakesNoRequest) {
  directory_.write("empty", "");
  const Version empty = version("empty");
  const auto before = store_->stats().requests;
  EXPECT_EQ(content(empty), "");
  EXPECT_EQ(store_->stats().requests, before);
}

TEST_F(FileStoreTest, ARangeBeyondTheEndIsInvalid) {
  directory_.write("file", "0123456789");
  const Version file = version("file");
  EXPECT_EQ(read(file, {5, 6}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(read(file, {11, 0}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(read(file, {1, ~0ULL}).error().code, ErrorCode::kInvalid);
}

TEST_F(FileStoreTest, ALargeFileArrivesWholeAndInOrder) {
  std::string large;
  for (int i = 0; large.size() < 1'000'000; ++i) large += std::to_string(i) + ",";
  directory_.write("large", large);
  EXPECT_EQ(content(version("large")), large);
  EXPECT_EQ(store_->stats().bytes_received, large.size());
}

TEST_F(FileStoreTest, KeysComeInTheOrderOfTheirBytesNotOfDirectories) {
  for (const auto* name : {"a/x", "a/y/z", "a-b", "a.txt", "a0", "ab", "B", "\xc3\xa4", "\xff"}) {
    directory_.write(name, "x");
  }
  const Keys expected{"B",     "a-b", "a.txt", "a/",       "a/x", "a/y/",
                      "a/y/z", "a0",  "ab",    "\xc3\xa4", "\xff"};
  EXPECT_EQ(keys({}), expected);
  for (int max_keys = 1; max_keys <= 12; ++max_keys) {
    EXPECT_EQ(keys({.max_keys = max_keys}), expected) << max_keys;
  }
}

TEST_F(FileStoreTest, ADelimiterShowsOneLevel) {
  for (const auto* name : {"a/x", "a/y/z", "a-b", "b"}) directory_.write(name, "x");
  EXPECT_EQ(keys({.delimiter = "/"}), (Keys{"a-b", "a/", "b"}));
  EXPECT_EQ(keys({.prefix = "a/", .delimiter = "/"}), (Keys{"a/", "a/x", "a/y/"}));
  EXPECT_EQ(keys({.prefix = "a/", .delimiter = "/", .max_keys = 1}), (Keys{"a/", "a/x", "a/y/"}));
  const auto page = store_->list({.delimiter = "/"}, {});
  EXPECT_EQ(page->prefixes, Keys{"a/"});
}

TEST_F(FileStoreTest, APrefixMayEndInTheMiddleOfAName) {
  for (const auto* name : {"dir/ab1", "dir/ab2/x", "dir/b", "other"}) directory_.write(name, "x");
  EXPECT_EQ(keys({.prefix = "dir/ab"}), (Keys{"dir/ab1", "dir/ab2/", "dir/ab2/x"}));
  EXPECT_EQ(keys({.prefix = "dir/ab", .delimiter = "/"}), (Keys{"dir/ab1", "dir/ab2/"}));
  EXPECT_EQ(keys({.prefix = "di", .delimiter = "/"}), (Keys{"dir/"}));
  EXPECT_EQ(keys({.prefix = "dir/ab1"}), (Keys{"dir/ab1"}));
}

TEST_F(FileStoreTest, APrefixNobodyHasListsNothing) {
  directory_.write("dir/file", "x");
  for (const auto* prefix : {"none", "none/", "dir/file/", "dir//", "../", "./", "dir/../", "/"}) {
    EXPECT_EQ(keys({.prefix = prefix}), Keys{}) << prefix;
    EXPECT_EQ(keys({.prefix = prefix, .delimiter = "/"}), Keys{}) << prefix;
  }
}

TEST_F(FileStoreTest, StartAfterLeavesOutWhatStandsBefore) {
  for (const auto* name : {"a/1", "a/2", "b/1", "c"}) directory_.write(name, "x");
  EXPECT_EQ(keys({.start_after = "a/1"}), (Keys{"a/2", "b/", "b/1", "c"}));
  EXPECT_EQ(keys({.start_after = "a/9"}), (Keys{"b/", "b/1", "c"}));
  EXPECT_EQ(keys({.start_after = "a0"}), (Keys{"b/", "b/1", "c"}));
  EXPECT_EQ(keys({.start_after = "z"}), Keys{});
}

TEST_F(FileStoreTest, RandomTreesListAsASortedSetWould) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const TemporaryDirectory tree;
    std::set<std::string> expected;
    for (int i = 0; i < 40; ++i) {
      std::string key;
      for (auto depth = random() % 3; depth > 0; --depth) {
        key += std::string(1 + random() % 2, "-/0ab."[random() % 2 == 0 ? 0 : 2 + random() % 3]);
        key += "/";
      }
      key += std::string(1 + random() % 2, "-0ab"[random() % 4]) + "f";
      if (expected.count(key + "/") > 0) continue;
      bool below_a_file = false;
      for (std::size_t at = key.find('/'); at != std::string::npos; at = key.find('/', at + 1)) {
        below_a_file |= expected.count(key.substr(0, at)) > 0;
      }
      if (below_a_file) continue;
      tree.write(key, key);
      expected.insert(key);
      for (std::size_t at = key.find('/'); at != std::string::npos; at = key.find('/', at + 1)) {
        expected.insert(key.substr(0, at + 1));
      }
    }
    auto store = FileStore::open({.directory = tree.path().string()});
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    for (const int max_keys : {1, 2, 7, 1000}) {
      EXPECT_EQ(keys({.max_keys = max_keys}), Keys(expected.begin(), expected.end()));
    }
    for (const std::string& after : expected) {
      EXPECT_EQ(keys({.start_after = after, .max_keys = 5}),
                Keys(expected.upper_bound(after), expected.end()));
    }
  }
}

TEST_F(FileStoreTest, AListingContinuesAlsoWhenItsPlaceWasForgotten) {
  for (int i = 100; i < 200; ++i) directory_.write("d/" + std::to_string(i), "x");
  const auto first = store_->list({.prefix = "d/1", .max_keys = 50}, {});
  ASSERT_TRUE(first);
  reopen({});  // remembers no listing
  EXPECT_EQ(keys({.prefix = "d/1", .continuation = first->next}).size(), 50U);
}

TEST_F(FileStoreTest, ManyListingsAtOnceDoNotDisturbEachOther) {
  for (int i = 100; i < 160; ++i) directory_.write(std::to_string(i), "x");
  std::vector<ListRequest> requests;
  std::vector<Keys> seen(20);
  for (int i = 0; i < 20; ++i)
    requests.push_back({.start_after = std::to_string(100 + i), .max_keys = 3});
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].max_keys == 0) continue;
      const auto page = store_->list(requests[i], {});
      ASSERT_TRUE(page);
      for (const auto& object : page->objects) seen[i].push_back(object.version.key);
      requests[i].continuation = page->next;
      if (page->next.empty()) requests[i].max_keys = 0;
      more |= !page->next.empty();
    }
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].size(), 59 - i);
    EXPECT_TRUE(std::is_sorted(seen[i].begin(), seen[i].end()));
  }
}

TEST_F(FileStoreTest, WhatVanishesBetweenPagesIsLeftOut) {
  for (const auto* name : {"a", "b", "c/1", "c/2", "d"}) directory_.write(name, "x");
  const auto first = store_->list({.max_keys = 1}, {});
  ASSERT_TRUE(first);
  filesystem::remove(directory_.path() / "d");
  filesystem::remove_all(directory_.path() / "c");
  EXPECT_EQ(keys({.continuation = first->next}), Keys{"b"});
}

TEST_F(FileStoreTest, ADirectoryThatVanishesInTheMiddleEndsThere) {
  for (const auto* name : {"c/1", "c/2", "c/3", "d"}) directory_.write(name, "x");
  const auto first = store_->list({.max_keys = 2}, {});  // "c/", "c/1", and "c/2" read ahead
  ASSERT_TRUE(first);
  filesystem::remove_all(directory_.path() / "c");
  EXPECT_EQ(keys({.continuation = first->next}), (Keys{"c/2", "d"}));
}

TEST_F(FileStoreTest, AListingReadsItsDirectoryOnceHoweverManyPagesItHas) {
  for (const auto* name : {"a", "b", "c"}) directory_.write(name, "x");
  const auto first = store_->list({.max_keys = 1}, {});
  ASSERT_TRUE(first);
  directory_.write("late", "x");  // would be seen by one who read the directory again
  EXPECT_EQ(keys({.continuation = first->next, .max_keys = 1}), (Keys{"b", "c"}));
}

TEST_F(FileStoreTest, FiftyThousandFilesInOneDirectoryListPageByPage) {
  for (int i = 0; i < 50'000; ++i) {
    const int fd = ::creat((directory_.path() / std::to_string(i)).c_str(), 0600);
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
  const Keys all = keys({.delimiter = "/"});
  EXPECT_EQ(all.size(), 50'000U);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

TEST_F(FileStoreTest, ADirectoryIsAnObjectOfNoBytes) {
  filesystem::create_directories(directory_.path() / "empty/inner");
  EXPECT_EQ(keys({}), (Keys{"empty/", "empty/inner/"}));
  EXPECT_EQ(version("empty/").size, 0U);
  EXPECT_EQ(head_error("empty"), ErrorCode::kNotFound);
  EXPECT_EQ(content(version("empty/")), "");
  // Its version is not that of what is in it.
  const Version before = version("empty/");
  directory_.write("empty/file", "x");
  EXPECT_EQ(version("empty/"), before);
}

TEST_F(FileStoreTest, NamesThatNoFileHasAreNotFound) {
  directory_.write("dir/file", "x");
  for (const std::string key : {"", "/", "/dir/file", "dir//file", "dir/./file", "dir/../dir/file",
                                "..", ".", "../", "dir/file/", "dir/file/x", "none", "none/x"}) {
    EXPECT_EQ(head_error(key), ErrorCode::kNotFound) << key;
    EXPECT_EQ(read({key, "etag", 1}).error().code, ErrorCode::kStale) << key;
  }
  const std::uint64_t errors = store_->stats().errors;
  EXPECT_EQ(head_error(std::string("dir/file\0x", 10)), ErrorCode::kNotFound);
  EXPECT_EQ(head_error(std::string(300, 'x')), ErrorCode::kNotFound);
  EXPECT_EQ(store_->stats().errors, errors) << "not found is no error";
}

TEST_F(FileStoreTest, ADeepTreeBeyondTheLongestPathIsReachable) {
  const std::string name(200, 'n');
  filesystem::path path = directory_.path();
  const auto home = filesystem::current_path();
  std::string key;
  filesystem::current_path(path);
  for (int depth = 0; depth < 40; ++depth) {  // 8,000 bytes; PATH_MAX is 4,096
    filesystem::create_directory(name);
    filesystem::current_path(name);
    key += name + "/";
  }
  std::ofstream("file") << "deep";
  filesystem::current_path(home);
  EXPECT_EQ(keys({}).size(), 41U);
  EXPECT_EQ(content(version(key + "file")), "deep");
}

TEST_F(FileStoreTest, ASymlinkToAFileInsideIsThatFile) {
  directory_.write("dir/file", "content");
  filesystem::create_symlink("dir/file", directory_.path() / "relative");
  filesystem::create_symlink(directory_.path() / "dir/file", directory_.path() / "absolute");
  filesystem::create_symlink("../relative", directory_.path() / "dir/twice");
  EXPECT_EQ(keys({}), (Keys{"absolute", "dir/", "dir/file", "dir/twice", "relative"}));
  for (const auto* key : {"relative", "absolute", "dir/twice"}) {
    EXPECT_EQ(content(version(key)), "content") << key;
    EXPECT_EQ(version(key).etag, version("dir/file").etag);
  }
}

TEST_F(FileStoreTest, SymlinksThatLeadElsewhereAreLeftOutEverywhere) {
  const TemporaryDirectory outside;
  outside.write("secret", "secret");
  // A sibling whose name begins like the root's is outside, too.
  const filesystem::path sibling = directory_.path().string() + "-sibling";
  std::ofstream(sibling) << "secret";
  directory_.write("dir/file", "x");
  const std::pair<filesystem::path, const char*> links[] = {{"nowhere", "dangling"},
                                                            {outside.path() / "secret", "escape"},
                                                            {sibling, "sibling"},
                                                            {outside.path(), "outside"},
                                                            {"dir", "inside"},
                                                            {".", "self"},
                                                            {"loop", "loop"},
                                                            {"/dev/zero", "device"},
                                                            {"../../../etc/passwd", "up"},
                                                            {"/proc/self/environ", "proc"}};
  for (const auto& [target, name] : links) {
    filesystem::create_symlink(target, directory_.path() / name);
  }
  EXPECT_EQ(keys({}), (Keys{"dir/", "dir/file"}));
  EXPECT_EQ(keys({.delimiter = "/"}), (Keys{"dir/"}));
  for (const auto& [target, name] : links) {
    EXPECT_EQ(head_error(name), ErrorCode::kNotFound) << name;
    EXPECT_EQ(head_error(std::string(name) + "/"), ErrorCode::kNotFound) << name;
    EXPECT_EQ(read({name, "etag", 6}).error().code, ErrorCode::kStale) << name;
    EXPECT_EQ(keys({.prefix = std::string(name) + "/"}), Keys{}) << name;
  }
  EXPECT_EQ(head_error("outside/secret"), ErrorCode::kNotFound);
  EXPECT_EQ(head_error("inside/file"), ErrorCode::kNotFound);
  EXPECT_EQ(read({"outside/secret", "etag", 6}).error().code, ErrorCode::kStale);
  filesystem::remove(sibling);
}

TEST_F(FileStoreTest, SpecialFilesAreLeftOutAndNeverOpened) {
  ASSERT_EQ(::mkfifo((directory_.path() / "pipe").c_str(), 0600), 0);
  const int socket_fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = (directory_.path() / "socket").string();
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::copy(name.begin(), name.end(), address.sun_path);
  ASSERT_EQ(::bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const auto page = store_->list({.delimiter = "/"}, {});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->left_out, 2U);
  EXPECT_EQ(page->left_out_example, "pipe");
  EXPECT_EQ(keys({}), Keys{});
  for (const auto* key : {"pipe", "socket"}) {
    EXPECT_EQ(head_error(key), ErrorCode::kNotFound);
    EXPECT_EQ(read({key, "etag", 1}).error().code, ErrorCode::kStale);
  }
  ::close(socket_fd);
}

TEST_F(FileStoreTest, NamesMayBeAnyBytes) {
  for (const auto* name : {"\xff\xfe", "new\nline", "tab\t", "quote'\"", "%2f", "a+b c"}) {
    directory_.write(name, name);
    EXPECT_EQ(content(version(name)), name);
  }
  EXPECT_EQ(keys({}).size(), 6U);
}

TEST_F(FileStoreTest, AReplacedFileIsStale) {
  directory_.write("file", "old content");
  const Version old = version("file");
  directory_.write("new", "new content");
  filesystem::rename(directory_.path() / "new", directory_.path() / "file");
  const auto result = read(old);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kStale);
  EXPECT_NE(result.error().message.find("'file'"), std::string::npos);
  EXPECT_EQ(content(version("file")), "new content");
}

TEST_F(FileStoreTest, AFileThatGrewOrShrankIsStale) {
  directory_.write("file", "0123456789");
  const Version old = version("file");
  for (const auto* content : {"0123456789a", "012", ""}) {
    directory_.write("file", content);
    EXPECT_EQ(read(old).error().code, ErrorCode::kStale) << content;
  }
}

TEST_F(FileStoreTest, ChangedInPlaceUnderAReaderNoByteOfTheNewVersionArrives) {
  const std::string old_content(1'000'000, 'o');
  directory_.write("file", old_content);
  const Version old = version("file");
  std::string seen;
  const auto result =
      store_->get(old, {0, old.size},
                  [&](std::span<const std::byte> piece) {
                    seen.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                    directory_.write("file", std::string(1'000'000, 'n'));
                    return true;
                  },
                  {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kStale);
  EXPECT_FALSE(seen.empty());
  EXPECT_TRUE(old_content.starts_with(seen));
}

TEST_F(FileStoreTest, OneVersionNeverHasTwoContentsHoweverQuickTheWrites) {
  std::map<std::string, std::string> contents;  // by etag
  for (int i = 0; i < 10; ++i) {
    for (int write = 0; write < 3; ++write) {
      // The same size and inode each time: only the times can tell them apart.
      std::ofstream(directory_.path() / "file", std::ios::in | std::ios::out | std::ios::ate)
          .seekp(0)
          .write((std::to_string(100 + i) + std::to_string(write)).data(), 4);
      if (i == 0 && write == 0) directory_.write("file", "0000");
      const Version now = version("file");
      const auto bytes = read(now);
      ASSERT_TRUE(bytes);
      const auto [known, fresh] = contents.emplace(now.etag, *bytes);
      EXPECT_EQ(known->second, *bytes);
    }
  }
}

// Root reads everything; the kernel lets one thread give that up and take it back.
class AsNobody {
 public:
  AsNobody() : was_(::setfsuid(65534)) {}
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() { ::setfsuid(static_cast<uid_t>(was_)); }

 private:
  const int was_;
};

TEST_F(FileStoreTest, WhatCannotBeReadIsDenied) {
  directory_.write("closed/file", "x");
  directory_.write("unreadable", "x");
  filesystem::permissions(directory_.path() / "closed", filesystem::perms::none);
  filesystem::permissions(directory_.path() / "unreadable", filesystem::perms::none);
  filesystem::permissions(directory_.path(), filesystem::perms::all);
  const Version unreadable = version("unreadable");
  {
    const AsNobody nobody;
    EXPECT_EQ(store_->list({.prefix = "closed/"}, {}).error().code, ErrorCode::kDenied);
    EXPECT_EQ(store_->list({}, {}).error().code, ErrorCode::kDenied);
    EXPECT_EQ(keys({.delimiter = "/"}), (Keys{"closed/", "unreadable"}));
    EXPECT_EQ(head_error("closed/file"), ErrorCode::kDenied);
    EXPECT_EQ(read(unreadable).error().code, ErrorCode::kDenied);
  }
  filesystem::permissions(directory_.path() / "closed", filesystem::perms::all);
  EXPECT_GT(store_->stats().errors, 0U);
}

TEST_F(FileStoreTest, ARootThatIsNoReadableDirectoryDoesNotOpen) {
  const std::string file = directory_.write("file", "x").string();
  EXPECT_EQ(FileStore::open({.directory = file}).error().code, ErrorCode::kNotFound);
  const auto missing = FileStore::open({.directory = directory_.path().string() + "/missing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/missing"), std::string::npos);
  filesystem::create_directory(directory_.path() / "closed");
  filesystem::permissions(directory_.path() / "closed", filesystem::perms::none);
  filesystem::permissions(directory_.path(), filesystem::perms::all);
  const AsNobody nobody;
  EXPECT_EQ(FileStore::open({.directory = directory_.path().string() + "/closed"}).error().code,
            ErrorCode::kDenied);
}

TEST_F(FileStoreTest, TwoNamesOfOneDirectoryAreOneStore) {
  filesystem::create_directory(directory_.path() / "real");
  filesystem::create_directory_symlink("real", directory_.path() / "link");
  const std::string real = directory_.path().string() + "/real";
  EXPECT_EQ((*FileStore::open({.directory = real}))->identity(), "file://" + real);
  EXPECT_EQ((*FileStore::open({.directory = directory_.path().string() + "/./link/"}))->identity(),
            "file://" + real);
}

TEST_F(FileStoreTest, EveryRequestCanBeCancelledInItsRoundTrip) {
  directory_.write("file", "x");
  const Version file = version("file");
  reopen({.round_trip = std::chrono::hours{24}});
  std::stop_source stop;
  std::vector<ErrorCode> codes(3);
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { codes[0] = store_->head("file", stop.get_token()).error().code; });
  threads.emplace_back([&] { codes[1] = store_->list({}, stop.get_token()).error().code; });
  threads.emplace_back([&] {
    codes[2] = store_
                   ->get(
                       file, {0, 1}, [](auto) { return true; }, stop.get_token())
                   .error()
                   .code;
  });
  while (store_->stats().requests < 3) std::this_thread::yield();
  stop.request_stop();
  threads.clear();
  EXPECT_EQ(codes, std::vector<ErrorCode>(3, ErrorCode::kCancelled));
}

TEST_F(FileStoreTest, ASlowTransferCanBeCancelled) {
  directory_.write("file", std::string(1000, 'x'));
  const Version file = version("file");
  reopen({.bits_per_second = 1});
  std::stop_source stop;
  std::jthread reader([&] {
    const auto result = store_->get(
        file, {0, 1000}, [](auto) { return true; }, stop.get_token());
    EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  });
  stop.request_stop();
}

TEST_F(FileStoreTest, ASinkThatRefusesEndsTheTransfer) {
  directory_.write("file", std::string(1'000'000, 'x'));
  const Version file = version("file");
  int calls = 0;
  const auto result = store_->get(file, {0, file.size}, [&](auto) { return ++calls < 2; }, {});
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(calls, 2);
}

TEST_F(FileStoreTest, WhatAListCannotMeanIsInvalid) {
  EXPECT_EQ(store_->list({.delimiter = "-"}, {}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(store_->list({.max_keys = 0}, {}).error().code, ErrorCode::kInvalid);
}

TEST_F(FileStoreTest, CountsItsRequests) {
  directory_.write("file", "x");
  store_->head("file", {}).value();
  store_->list({}, {}).value();
  EXPECT_FALSE(store_->head("none", {}));
  EXPECT_EQ(store_->stats().requests, 3U);
  EXPECT_EQ(store_->stats().errors, 0U);
  EXPECT_EQ(store_->stats().retries, 0U);
}

}  // namespace
}  // namespace augurfs
