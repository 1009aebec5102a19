#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "predictor/expert.h"

namespace augurfs {

// Shows an expert reads of chunks of objects by name and says what it asks for, as "name:chunk" or,
// of more than one chunk, "name:chunk+count", and of a listing "name/". For one thread.
class ExpertPlayer {
 public:
  static constexpr std::uint32_t kChunkBytes = 4096;

  explicit ExpertPlayer(Expert& expert) : expert_(expert) {}

  std::vector<std::string> read(const std::string& name, std::uint32_t chunk = 0,
                                std::uint64_t stream = 1, std::uint64_t program = 0) {
    know(name);
    Event event;
    now_ += std::chrono::milliseconds(1);
    event.time = now_;
    event.stream = stream;
    event.program = program;
    event.handle = stream;
    event.hit = hit;
    event.object = object_id(name);
    event.object_bytes = object_bytes;
    event.range = {std::uint64_t{chunk} * kChunkBytes, kChunkBytes};
    candidates.clear();
    expert_.observe(event, catalog, candidates);
    return asked();
  }

  // Reads one after the other; what the last one made the expert ask for.
  std::vector<std::string> read_all(const std::vector<std::string>& objects,
                                    std::uint64_t stream = 1) {
    std::vector<std::string> last;
    for (const auto& object : objects) last = read(object, 0, stream);
    return last;
  }

  // The directory is known to hold these, of which names that end in "/" are subdirectories.
  void know_listing(const std::string& prefix, const std::vector<std::string>& names) {
    std::vector<ObjectInfo> objects;
    std::vector<std::string> subdirectories;
    for (const std::string& name : names) {
      names_[object_id(prefix + name)] = prefix + name;
      if (name.ends_with('/')) {
        subdirectories.push_back(prefix + name);
      } else {
        objects.push_back({{prefix + name, "", object_bytes}, {}});
      }
    }
    catalog.list(prefix, objects, subdirectories);
  }

  // A stream lists a directory, or hears that it was listed ahead.
  std::vector<std::string> list(const std::string& prefix, std::uint64_t stream = 1,
                                Operation operation = Operation::kList) {
    Event event;
    now_ += std::chrono::milliseconds(1);
    event.time = now_;
    event.operation = operation;
    event.stream = stream;
    event.object = object_id(prefix);
    candidates.clear();
    expert_.observe(event, catalog, candidates);
    return asked();
  }

  void know(const std::string& name) {
    names_[object_id(name)] = name;
    catalog.see({name, "", object_bytes});
  }

  Catalog catalog;
  std::vector<Candidate> candidates;
  std::uint64_t object_bytes = 100 * kChunkBytes;
  bool hit = false;

 private:
  std::vector<std::string> asked() const {
    std::vector<std::string> texts;
    for (const Candidate& candidate : candidates) {
      const std::uint64_t chunks = (candidate.range.length + kChunkBytes - 1) / kChunkBytes;
      if (candidate.is_listing()) {
        texts.push_back(names_.at(candidate.object));
        continue;
      }
      std::string text =
          names_.at(candidate.object) + ":" + std::to_string(candidate.range.offset / kChunkBytes);
      if (chunks != 1) text += "+" + std::to_string(chunks);
      texts.push_back(text);
    }
    return texts;
  }

  Expert& expert_;
  std::chrono::steady_clock::time_point now_;
  std::unordered_map<ObjectId, std::string> names_;
};

}  // namespace augurfs
