#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fs/options.h"

namespace augurfs {

// The values a person writes into options. nullopt: the text is no such value, or one too big to
// hold. Case does not matter, nor does a space before the unit; a number may have up to three
// decimals.

// "4096", "512K", "512 KiB" (1024), "500 MB" (1000), ... up to P.
std::optional<std::uint64_t> parse_size(std::string_view text);
// A size, or "10%".
std::optional<SizeOrShare> parse_size_or_share(std::string_view text);
// "250 ms", "30 s", "5 min", "1.5 h", "2 d". The unit is never left out.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// Octal permissions: "644", "0644" or "0o644"; nullopt above 0777.
std::optional<std::uint32_t> parse_mode(std::string_view text);
// true, yes, on, 1 or false, no, off, 0.
std::optional<bool> parse_boolean(std::string_view text);
// Decimal digits only.
std::optional<std::uint64_t> parse_whole_number(std::string_view text);

// The shortest exact text that parses to the same: "64 MiB", "1000 B", "30 s", "250 ms".
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::chrono::milliseconds duration);
// At most four digits and a unit, for a person: "1.5 GiB".
std::string rounded_size(std::uint64_t bytes);

}  // namespace augurfs
