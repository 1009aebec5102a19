#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "predictor/catalog.h"
#include "predictor/event.h"

namespace augurfs {

// What a brain has been told, and so what must be said before it can make sense of an event: the
// object, the listing of its directory, each once, and again when it has changed.
//
// Bounded: what was told is forgotten, and told again, when it is more than the brain remembers.
// Thread rule: one thread at a time.
class Briefing {
 public:
  // Of a brain's catalog: it never forgets what this remembers that it was told.
  static constexpr std::size_t kBrainObjectsMax = 2 * Catalog::kObjectsMaxUsual;
  // Of one listing; of a longer one the first children are told.
  static constexpr std::size_t kListingBytesMax = 8 << 20;

  // The records to send, in order; the last is the event. They count as told only by commit().
  std::vector<std::string> records(const Event& event, const Catalog& catalog);
  void commit();
  // A brain that knows nothing.
  void begin_anew();

 private:
  struct Told {
    ObjectId id{};
    std::uint64_t what = 0;
  };

  std::vector<std::string> what_is_new(const Event& event, const Catalog& catalog);
  void add_listing(ObjectId directory, bool listed_now, const Catalog& catalog,
                   std::vector<std::string>& records);
  void add_object(ObjectId object, const Catalog& catalog, std::vector<std::string>& records);

  std::unordered_map<ObjectId, std::uint64_t> objects_;      // sizes
  std::unordered_map<ObjectId, std::uint64_t> directories_;  // digests of listings
  std::vector<Told> new_objects_;
  std::vector<Told> new_directories_;
};

}  // namespace augurfs
