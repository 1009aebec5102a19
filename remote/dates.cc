#include "remote/dates.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace augurfs {
namespace {

using namespace std::chrono;

struct Fields {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// `width` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int value = -1;
  const char* const begin = text.data() + at;
  if (*begin == '-') return -1;
  const auto [end, error] = std::from_chars(begin, begin + width, value);
  return error == std::errc{} && end == begin + width ? value : -1;
}

std::optional<sys_seconds> to_time(const Fields& f) {
  const year_month_day date(year(f.year), month(static_cast<unsigned>(f.month)),
                            day(static_cast<unsigned>(f.day)));
  // 60: a leap second, which the calendar does not know.
  if (f.year < 0 || !date.ok() || f.hour < 0 || f.hour > 23 || f.minute < 0 || f.minute > 59 ||
      f.second < 0 || f.second > 60) {
    return std::nullopt;
  }
  return sys_days(date) + hours(f.hour) + minutes(f.minute) + seconds(f.second);
}

Fields to_fields(sys_seconds time) {
  const sys_days date = floor<days>(time);
  const year_month_day ymd(date);
  const hh_mm_ss clock(time - date);
  return {static_cast<int>(ymd.year()),
          static_cast<int>(static_cast<unsigned>(ymd.month())),
          static_cast<int>(static_cast<unsigned>(ymd.day())),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count())};
}

std::string format(const char* pattern, sys_seconds time) {
  const Fields f = to_fields(time);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), pattern, f.year, f.month, f.day, f.hour,
                                 f.minute, f.second);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text) {
  // "Wed, 21 Oct 2015 07:28:00 GMT"
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT") || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const std::size_t month_at = kMonths.find(text.substr(8, 3));
  if (month_at == std::string_view::npos || month_at % 3 != 0) return std::nullopt;
  return to_time({digits(text, 12, 4), static_cast<int>(month_at / 3 + 1), digits(text, 5, 2),
                  digits(text, 17, 2), digits(text, 20, 2), digits(text, 23, 2)});
}

std::optional<sys_seconds> parse_iso_date(std::string_view text) {
  // "2009-10-12T17:50:30.000Z"
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (!fraction.empty() && (fraction.front() != '.' || fraction.size() == 1 ||
                            fraction.find_first_not_of("0123456789", 1) != fraction.npos)) {
    return std::nullopt;
  }
  return to_time({digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                  digits(text, 14, 2), digits(text, 17, 2)});
}

std::string to_basic_date(sys_seconds time) { return format("%04d%02d%02dT%02d%02d%02dZ", time); }

std::string to_readable_date(sys_seconds time) {
  return format("%04d-%02d-%02d %02d:%02d:%02d UTC", time);
}

}  // namespace augurfs
