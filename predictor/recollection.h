#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "predictor/catalog.h"
#include "predictor/event.h"
#include "predictor/experts/recency_table.h"
#include "predictor/history.h"
#include "remote/guarded.h"

namespace augurfs {

// What the history says of earlier mounts, and before that what was imported: told to a brain that
// has just begun, so that it knows today what was learned yesterday, and asked for the name of an
// object that the brain thinks of and this mount has not seen yet.
//
// Thread rule: begin() and next() from one thread, the rest from any. `history` is borrowed.
class Recollection {
 public:
  static constexpr std::size_t kEventsMax = 1 << 17;  // the newest; told in a second or so
  static constexpr std::size_t kObjectsMax = Catalog::kObjectsMaxUsual;

  explicit Recollection(History& history);

  // For a brain that knows nothing: from the oldest of the newest events to the newest of now.
  void begin();
  // The next packet of records for the brain; "" when all is told, or cannot be read.
  std::string next();
  // Of an object that was told.
  std::optional<std::string> key(ObjectId object) const;
  // No names any more, and nothing more to tell: the history was wiped.
  void forget();

 private:
  struct State {
    RecencyTable<std::string> keys{1};
    bool over = true;  // all is told
  };

  std::vector<HistoryRow> imported(HistoryTime until);
  bool more();
  std::string records(const HistoryRow& row);

  History& history_;
  // Of the thread that tells.
  HistoryCursor cursor_;
  std::int64_t end_ = 0;  // the number of the last row to tell
  std::chrono::nanoseconds to_steady_{};
  std::unordered_map<ObjectId, std::uint64_t> told_;  // sizes
  std::vector<HistoryRow> rows_;
  std::size_t at_ = 0;  // in rows_
  Guarded<State> state_;
};

}  // namespace augurfs
