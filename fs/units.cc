#include "fs/units.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace augurfs {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;  // lower case
  std::uint64_t factor;
};

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kKilo = 1000;

// A bare letter is the power of 1024, as in dd, du and rclone.
constexpr std::array<Unit, 17> kSizeUnits{{
    {"", 1},
    {"b", 1},
    {"k", kKibi},
    {"kib", kKibi},
    {"kb", kKilo},
    {"m", kKibi* kKibi},
    {"mib", kKibi* kKibi},
    {"mb", kKilo* kKilo},
    {"g", kKibi* kKibi* kKibi},
    {"gib", kKibi* kKibi* kKibi},
    {"gb", kKilo* kKilo* kKilo},
    {"t", kKibi* kKibi* kKibi* kKibi},
    {"tib", kKibi* kKibi* kKibi* kKibi},
    {"tb", kKilo* kKilo* kKilo* kKilo},
    {"p", kKibi* kKibi* kKibi* kKibi* kKibi},
    {"pib", kKibi* kKibi* kKibi* kKibi* kKibi},
    {"pb", kKilo* kKilo* kKilo* kKilo* kKilo},
}};

constexpr std::array<Unit, 5> kDurationUnits{{
    {"ms", 1},
    {"s", 1000},
    {"min", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// A number with at most three decimals, and what stands behind it.
struct Quantity {
  std::uint64_t whole = 0;
  std::uint64_t thousandths = 0;
  std::string unit;  // lower case
};

std::optional<Quantity> parse_quantity(std::string_view text) {
  Quantity quantity;
  const auto digits_end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto whole =
      parse_whole_number(text.substr(0, static_cast<std::size_t>(digits_end - text.begin())));
  if (!whole) return std::nullopt;
  quantity.whole = *whole;
  text.remove_prefix(static_cast<std::size_t>(digits_end - text.begin()));
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    std::uint64_t place = 1000;
    while (!text.empty() && is_digit(text.front())) {
      place /= 10;
      if (place == 0) return std::nullopt;  // a fourth decimal
      quantity.thousandths += static_cast<std::uint64_t>(text.front() - '0') * place;
      text.remove_prefix(1);
    }
    if (place == 1000) return std::nullopt;  // "1." has no decimal
  }
  const std::size_t unit = text.find_first_not_of(' ');
  if (unit != std::string_view::npos) {
    quantity.unit = lower_case(text.substr(unit));
  } else if (!text.empty()) {
    return std::nullopt;  // a space with nothing behind it
  }
  return quantity;
}

template <std::size_t count>
std::optional<std::uint64_t> in_units(std::string_view text, const std::array<Unit, count>& units) {
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
    return candidate.name == quantity->unit;
  });
  if (unit == units.end()) return std::nullopt;
  // The biggest factor is 2^50, so this product fits.
  const std::uint64_t fraction = unit->factor * quantity->thousandths / 1000;
  const std::uint64_t whole_max =
      (std::numeric_limits<std::uint64_t>::max() - fraction) / unit->factor;
  if (quantity->whole > whole_max) return std::nullopt;
  return quantity->whole * unit->factor + fraction;
}

template <std::size_t count>
std::string format_in(std::uint64_t value, const std::array<Unit, count>& units) {
  // Of units with the same factor the later one is the one that is spelt out.
  const Unit* best = nullptr;
  for (const Unit& unit : units) {
    const bool exact = value != 0 ? value % unit.factor == 0 : unit.factor == 1;
    if (exact && (best == nullptr || unit.factor >= best->factor)) best = &unit;
  }
  return std::to_string(value / best->factor) + " " + std::string(best->name);
}

}  // namespace

std::optional<std::uint64_t> parse_whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return in_units(text, kSizeUnits);
}

std::optional<SizeOrShare> parse_size_or_share(std::string_view text) {
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  if (quantity->unit == "%") {
    const double percent =
        static_cast<double>(quantity->whole) + static_cast<double>(quantity->thousandths) / 1000;
    if (percent > 100) return std::nullopt;
    return SizeOrShare{.bytes = 0, .share = percent / 100};
  }
  const auto bytes = parse_size(text);
  if (!bytes) return std::nullopt;
  return SizeOrShare{.bytes = *bytes, .share = 0};
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto value = in_units(text, kDurationUnits);
  if (!value || *value > static_cast<std::uint64_t>(milliseconds::max().count())) {
    return std::nullopt;
  }
  return milliseconds(static_cast<milliseconds::rep>(*value));
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  if (text.starts_with("0o")) text.remove_prefix(2);
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = lower_case(text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
  // Powers of 1024 only: "1000 B" is clearer than "1 KB" beside "1 MiB".
  static constexpr std::array<Unit, 6> kUnits{{{"B", 1},
                                               {"KiB", kKibi},
                                               {"MiB", kKibi * kKibi},
                                               {"GiB", kKibi * kKibi * kKibi},
                                               {"TiB", kKibi * kKibi * kKibi * kKibi},
                                               {"PiB", kKibi * kKibi * kKibi * kKibi * kKibi}}};
  return format_in(bytes, kUnits);
}

std::string format_duration(milliseconds duration) {
  if (duration == milliseconds::zero()) return "0 s";
  return format_in(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

std::string rounded_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  constexpr double kStep = 1024;
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= kStep && unit + 1 < kUnits.size(); ++unit) value /= kStep;
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

}  // namespace augurfs
