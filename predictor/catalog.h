#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "predictor/object_id.h"
#include "remote/object_store.h"

namespace augurfs {

// What ids stand for, and which objects lie in which directory: only what was seen or listed so
// far. It is how experts know of objects that were never opened, and how a candidate becomes a
// version to fetch.
//
// Bounded: of more than `objects_max` objects the least recently used is forgotten; of directories
// as many are remembered as have no more children than that together.
// Thread rule: one thread at a time.
class Catalog {
 public:
  explicit Catalog(std::size_t objects_max = kObjectsMaxUsual);

  static constexpr std::size_t kObjectsMaxUsual = 1 << 16;  // some 20 MB

  // The object has this version now. Its directory gets it as its last child, if it is new there.
  void see(const Version& version);
  // These are all the children of the directory, in the order of the listing, and the prefixes of
  // the directories in it. `prefix` is "" or ends in "/". Of a listing that is too long the first
  // ones are kept.
  void list(std::string_view prefix, std::span<const ObjectInfo> objects,
            std::span<const std::string> subdirectories = {});
  // Keeps what is known of the object for longer.
  void use(ObjectId object);

  // Null when not known. Valid until something is told.
  const Version* version(ObjectId object) const;
  // Where the object lies; its own id when not known.
  ObjectId directory(ObjectId object) const;
  // Of a directory; null when not known. Valid until something is told.
  const std::string* prefix(ObjectId directory) const;
  // Objects of a directory, as listed or else in the order they were first seen. Some may be
  // forgotten by now, and one that was and came back stands there twice. Valid until something is
  // told.
  std::span<const ObjectId> children(ObjectId directory) const;
  // The directories in a directory, as listed; some may be forgotten by now. Valid until something
  // is told.
  std::span<const ObjectId> subdirectories(ObjectId directory) const;
  // The place of a directory among those beside it; 0 when unknown.
  std::size_t subdirectory_position(ObjectId directory) const;
  // Whether its children are known from a listing, and not only by and by.
  bool is_listed(ObjectId directory) const;
  // The place of an object among the children of its directory; children().size() when unknown.
  std::size_t position(ObjectId object) const;

  std::size_t size() const { return objects_.size(); }

 private:
  using Order = std::list<ObjectId>;  // most recently used first

  struct Object {
    Version version;
    ObjectId directory{};
    std::uint32_t position = 0;  // among the children
    Order::iterator use;
  };
  struct Directory {
    std::string prefix;
    std::vector<ObjectId> children;
    std::vector<ObjectId> subdirectories;
    std::uint32_t position = 0;  // among the subdirectories of the one above
    bool is_listed = false;
    Order::iterator use;
  };

  Object& object(const Version& version);
  Directory& directory_entry(ObjectId id, std::string_view prefix);
  void list_subdirectories(ObjectId id, std::string_view prefix,
                           std::span<const std::string> subdirectories);
  void forget_objects();
  void forget_directories(ObjectId but);

  const std::size_t objects_max_;
  std::unordered_map<ObjectId, Object> objects_;
  Order object_order_;
  std::unordered_map<ObjectId, Directory> directories_;
  Order directory_order_;
  std::size_t children_ = 0;  // of all directories, subdirectories included
};

}  // namespace augurfs
