#include "predictor/object_id.h"

#include <xxhash.h>

namespace augurfs {

ObjectId object_id(std::string_view key) { return ObjectId{XXH3_64bits(key.data(), key.size())}; }

ObjectId directory_id(std::string_view key) {
  if (key.ends_with('/')) key.remove_suffix(1);
  const std::size_t slash = key.rfind('/');
  return object_id(key.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
}

}  // namespace augurfs
