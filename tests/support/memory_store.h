#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// A bucket in memory. Behaves as a correct store does: versions change with each put, a get of a
// version that is replaced or removed is kStale. Thread rule: any thread.
class MemoryStore : public ObjectStore {
 public:
  // Puts or replaces an object; every put makes a new version.
  Version put(const std::string& key, std::string content);
  void remove(const std::string& key);

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  std::string identity() const override { return "memory"; }
  StoreStats stats() const override { return state_.lock()->stats; }

 private:
  struct Object {
    ObjectInfo info;
    std::string content;
  };
  struct State {
    std::map<std::string, Object> objects;
    std::uint64_t puts = 0;
    StoreStats stats;
  };
  Guarded<State> state_;
};

}  // namespace augurfs
