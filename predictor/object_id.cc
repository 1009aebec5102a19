#include "predictor/object_id.h"

#include <xxhash.h>

namespace augurfs {

ObjectId object_id(std::string_view key) { return ObjectId{XXH3_64bits(key.data(), key.size())}; }

std::string_view directory_prefix(std::string_view key) {
  if (key.ends_with('/')) key.remove_suffix(1);
  return key.substr(0, key.rfind('/') + 1);  // 0 when there is none
}

ObjectId directory_id(std::string_view key) { return object_id(directory_prefix(key)); }

std::uint64_t program_id(std::string_view executable) {
  const std::string_view name = executable.substr(executable.rfind('/') + 1);
  return name.empty() ? 0 : static_cast<std::uint64_t>(object_id(name));
}

}  // namespace augurfs
