#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "remote/object_store.h"

namespace augurfs {

// Guesses how the names of a large directory go on from those of its first page: counters with or
// without leading zeros, dates, hashes. A few that are unlike the others do not count, nor does the
// marker of the directory. A guess divides what is still to be listed; a wrong one costs a request
// and no more. It is valid UTF-8 where the names are.
//
// Thread rule: none; constant after construction.
class KeySpace {
 public:
  explicit KeySpace(const std::vector<ObjectInfo>& page);

  // Where `key` lies among the names that there may be, from 0 to 1; nullopt when it is unlike
  // them.
  std::optional<double> place(std::string_view key) const;
  // A key at about this place.
  std::string key_at(double place) const;

 private:
  std::string stem_;                         // with which all but a few begin
  std::vector<std::string_view> alphabets_;  // of the bytes behind it, one after another
};

}  // namespace augurfs
