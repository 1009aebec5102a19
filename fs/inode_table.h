#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "fs/file_system.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// The inodes the kernel knows, by number and by name.
//
// An inode is one thing for ever: a directory, or one version of an object. A name that comes to
// mean something else gets a fresh inode, as after rename(2) over the old file, and the old one
// stays what it was for those who have it open. So whatever the kernel keeps of an inode (pages,
// size, times) can never be of two versions, and numbers are not used again.
//
// An inode lives while it has lookups, holds, or children. Its parent's number and its name are
// kept, not its key, so that deep trees cost little.
// Thread rule: any thread. Makes no request.
class InodeTable {
 public:
  struct Directory {
    std::string prefix;
    InodeNumber parent{};
  };
  struct File {
    std::string prefix;  // of the directory
    std::string name;
    Version version;
  };

  // `directory_time` is what every directory shows as its time: the store knows none.
  InodeTable(std::string root_prefix, std::chrono::sys_seconds directory_time);

  // Adds a lookup to what `name` in `parent` leads to, which is `object`, or a directory when that
  // is null. `as_of` says how old this knowledge is, see now(): an inode made since is believed
  // to know better. Absent when the parent is no directory that lives.
  std::optional<Attributes> look_up(InodeNumber parent, std::string_view name,
                                    const ObjectInfo* object, InodeNumber as_of);
  // A moment, as look_up() takes it: the number that the next inode will get.
  InodeNumber now() const;
  void forget(InodeNumber inode, std::uint64_t lookups);

  // For open handles.
  void hold(InodeNumber inode);
  void unhold(InodeNumber inode);

  // Of the version's file, if the kernel knows it and has none of its pages: it was never open, and
  // nothing was stored in it.
  std::optional<InodeNumber> without_pages(const Version& version) const;
  // From here on it has pages that nobody has asked for. False, and nothing changes, when it has
  // some already, is held, or is no file that lives.
  bool store_pages(InodeNumber inode);
  // It has none after all.
  void drop_pages(InodeNumber inode);
  // Whether it has pages that nobody has asked for.
  bool has_unasked_pages(InodeNumber inode) const;
  // A handle asks for them. True the first time, if there are any.
  bool ask_pages(InodeNumber inode);

  std::optional<Attributes> attributes(InodeNumber inode) const;
  // The inode a name leads to, as far as the kernel knows.
  std::optional<InodeNumber> known(InodeNumber parent, std::string_view name) const;
  std::optional<Directory> directory(InodeNumber inode) const;
  std::optional<File> file(InodeNumber inode) const;
  std::size_t size() const;

 private:
  // What the kernel may have of its bytes. What it lets go of by itself is not given to it again.
  enum class Pages : std::uint8_t { kNone, kUnasked, kAsked };
  struct Inode {
    InodeNumber number{};
    InodeNumber parent{};
    std::uint64_t lookups = 0;
    std::uint32_t holds = 0;  // open handles and children
    FileKind kind = FileKind::kDirectory;
    Pages pages = Pages::kNone;
    std::string name;
    std::string etag;
    std::uint64_t size_bytes = 0;
    std::chrono::sys_seconds modified;
  };
  struct Name {
    InodeNumber parent{};
    std::string_view name;  // of the inode
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    std::size_t operator()(const Name& name) const;
  };
  struct State {
    std::unordered_map<InodeNumber, Inode> inodes;
    std::unordered_map<Name, Inode*, NameHash> names;  // what each name leads to now
    InodeNumber next{};
  };

  static bool is(const Inode& inode, const ObjectInfo* object);
  static Inode& add(State& state, InodeNumber parent, std::string_view name,
                    const ObjectInfo* object);
  static void free_unused(State& state, InodeNumber number);
  static Inode* find(State& state, InodeNumber number);
  static Attributes attributes_of(const Inode& inode);
  std::string prefix_of(State& state, InodeNumber number) const;
  const Inode* file_of(State& state, std::string_view key) const;

  const std::string root_prefix_;
  const std::chrono::sys_seconds directory_time_;
  Guarded<State> state_;
};

}  // namespace augurfs
