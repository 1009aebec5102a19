#pragma once

#include <cstdint>
#include <string_view>

namespace augurfs {

// Names an object, or a directory, by the hash of its key. The same on every machine and after
// every restart, so what was learned of an object needs no table of names and can be moved. Two
// keys of one id (2^-64 for each pair) cost a wrong prefetch, never wrong bytes.
enum class ObjectId : std::uint64_t {};

// xxh3 of the key; of a directory's prefix with its trailing slash ("" is the root).
ObjectId object_id(std::string_view key);
// The directory that holds the key: of "a/b" it is "a/", of "a/" and of "a" it is "".
std::string_view directory_prefix(std::string_view key);
ObjectId directory_id(std::string_view key);

// Names a program by the name of its file, wherever that lies: what was learned on one machine
// holds on another. 0 for "".
std::uint64_t program_id(std::string_view executable);

}  // namespace augurfs
