#include "predictor/experts/name_templates.h"

#include <algorithm>
#include <charconv>

namespace augurfs {
namespace {

constexpr std::size_t kInStepToBelieve = 2;
constexpr std::int64_t kStepMax = 1000;  // a longer one is chance
constexpr std::uint32_t kPairsToBelieve = 2;
constexpr std::uint32_t kReadsMax = 64;  // of an extension; all is halved then
constexpr std::size_t kDigitsMax = 12;
constexpr std::size_t kExtensionBytesMax = 15;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where the extension begins, with its dot; the end when there is none.
std::size_t extension_at(std::string_view key) {
  const std::size_t name = key.rfind('/') + 1;  // 0 when there is no '/'
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos || dot <= name ? key.size() : dot;
}

// A key as the last number in its stem and what stands around that.
struct Numbered {
  std::string_view before;
  std::string_view digits;
  std::string_view behind;
};

std::optional<Numbered> split_number(std::string_view key) {
  const std::size_t name = key.rfind('/') + 1;
  std::size_t end = extension_at(key);
  while (end > name && !is_digit(key[end - 1])) --end;
  std::size_t begin = end;
  while (begin > name && is_digit(key[begin - 1])) --begin;
  if (begin == end || end - begin > kDigitsMax) return std::nullopt;
  return Numbered{key.substr(0, begin), key.substr(begin, end - begin), key.substr(end)};
}

}  // namespace

void NameTemplates::observe(const Event& event, const Catalog& catalog,
                            std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead && event.operation != Operation::kOpen) return;
  const Version* version = catalog.version(event.object);
  if (version == nullptr) return;
  Stream& stream = streams_.at(event.stream);
  if (stream.last == event.object) return;
  stream.last = event.object;
  follow_extension(event, version->key, catalog, stream, candidates);
  follow_number(event, version->key, catalog, candidates);
}

void NameTemplates::follow_number(const Event& event, const std::string& key,
                                  const Catalog& catalog, std::vector<Candidate>& candidates) {
  const auto parts = split_number(key);
  if (!parts) return;
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const std::uint64_t names = static_cast<std::uint64_t>(object_id(parts->before)) ^
                              (static_cast<std::uint64_t>(object_id(parts->behind)) * kOdd);
  Series& series = series_.at(names ^ (event.stream * kOdd));
  std::int64_t number = 0;
  std::from_chars(parts->digits.data(), parts->digits.data() + parts->digits.size(), number);
  const std::int64_t step = number - series.last;
  if (series.begun && step == series.step && step != 0) {
    ++series.in_step;
    series.asked = std::max<std::int64_t>(series.asked - 1, 0);
  } else {
    const bool near = series.begun && step >= -kStepMax && step <= kStepMax;
    series.step = near ? step : 0;
    series.in_step = near && step != 0 ? 1 : 0;
    series.asked = 0;
  }
  series.begun = true;
  series.last = number;
  if (series.in_step < kInStepToBelieve) return;
  const std::size_t doublings = std::min<std::size_t>(series.in_step, 8);
  const auto window = static_cast<std::int64_t>(
      std::min(options_.numbers_ahead_max, std::size_t{1} << (doublings - 1)));
  const auto in_step = static_cast<double>(series.in_step);
  for (; series.asked < window; ++series.asked) {
    const std::int64_t next = number + (series.asked + 1) * series.step;
    if (next < 0) return;
    std::string digits = std::to_string(next);
    // As wide as before, where that says something.
    if (parts->digits.front() == '0' && digits.size() < parts->digits.size()) {
      digits.insert(0, parts->digits.size() - digits.size(), '0');
    }
    ask(std::string(parts->before) + digits + std::string(parts->behind), in_step / (in_step + 1),
        catalog, candidates);
  }
}

void NameTemplates::follow_extension(const Event& event, const std::string& key,
                                     const Catalog& catalog, Stream& stream,
                                     std::vector<Candidate>& candidates) {
  const std::size_t at = extension_at(key);
  std::string stem = key.substr(0, at);
  std::string extension = key.substr(at);
  const bool is_pair = stem == stream.stem && !stream.stem.empty();
  const auto key_of = [&](const std::string& of) {
    return static_cast<std::uint64_t>(object_id(of)) ^ event.program;
  };
  if (is_pair && extension.size() <= kExtensionBytesMax) {
    auto& others = extensions_.at(key_of(stream.extension)).others;
    auto found = std::find_if(others.begin(), others.end(), [&](const Extensions::Other& other) {
      return other.count > 0 && other.extension == extension;
    });
    if (found == others.end()) {
      found = std::min_element(others.begin(), others.end(),
                               [](const auto& a, const auto& b) { return a.count < b.count; });
      *found = {extension, 0};
    }
    ++found->count;
  }
  Extensions& known = extensions_.at(key_of(extension));
  if (++known.count > kReadsMax) {
    known.count /= 2;
    for (Extensions::Other& other : known.others) other.count /= 2;
  }
  for (const Extensions::Other& other : known.others) {
    if (other.count < kPairsToBelieve || other.count * 2 < known.count - 1) continue;
    const double share = static_cast<double>(other.count) / static_cast<double>(known.count);
    ask(stem + other.extension, std::min(share, 1.0), catalog, candidates);
  }
  stream.stem = std::move(stem);
  stream.extension = std::move(extension);
}

void NameTemplates::ask(std::string_view key, double probability, const Catalog& catalog,
                        std::vector<Candidate>& candidates) const {
  const ObjectId object = object_id(key);
  const Version* version = catalog.version(object);
  if (version == nullptr || version->size == 0) return;
  candidates.push_back({.object = object,
                        .range = {0, std::min(version->size, options_.object_bytes_max)},
                        .probability = static_cast<float>(probability),
                        .expert = ExpertId::kNameTemplates});
}

}  // namespace augurfs
