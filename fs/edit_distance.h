#pragma once

#include <cstddef>
#include <string_view>

namespace augurfs {

// How many typing slips (a character more, less, different, or two swapped) part two words. Words
// are compared by their first 64 characters, which bounds the work whatever a person pasted.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace augurfs
