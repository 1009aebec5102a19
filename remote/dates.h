#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace augurfs {

// The ways in which S3 writes a time, all of them in UTC; fractions of a second are dropped.
// Independent of the locale. nullopt when `text` is not such a date.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);  // RFC 9110
std::optional<std::chrono::sys_seconds> parse_iso_date(std::string_view text);   // RFC 3339

// "20130524T000000Z", the basic format of ISO 8601 that SigV4 signs.
std::string to_basic_date(std::chrono::sys_seconds time);

// "2013-05-24 00:00:00 UTC", for messages.
std::string to_readable_date(std::chrono::sys_seconds time);

}  // namespace augurfs
