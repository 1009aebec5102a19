#include "predictor/neural/features.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <vector>

namespace augurfs {
namespace {

// What a hash is of, so that a directory "1" and a number 1 differ.
enum class Kind : std::uint64_t {
  kComponent = 1,
  kDirectory,
  kPath,
  kExtension,
  kLetters,
  kNumber,
  kLastDigit,
  kSize,
  kChunk,
  kTenth,
  kStep,
  kProgram,
  kGap,
  kPair,
};

std::uint64_t hash_of(Kind kind, std::string_view text, std::uint64_t number = 0) {
  return XXH3_64bits_withSeed(text.data(), text.size(),
                              (static_cast<std::uint64_t>(kind) << 56U) ^ number);
}

std::uint64_t hash_of(Kind kind, std::uint64_t number) {
  return hash_of(kind, {reinterpret_cast<const char*>(&number), sizeof(number)});
}

std::uint64_t magnitude(std::uint64_t value) {
  return static_cast<std::uint64_t>(std::bit_width(value));
}

// The nearest directories say most, so of a deep path the first ones are left out.
void add_directories(FeatureBag& bag, std::string_view directory) {
  constexpr std::size_t kComponentsMax = 6;
  std::vector<std::string_view> components;
  for (std::size_t begin = 0; begin < directory.size();) {
    const std::size_t end = std::min(directory.find('/', begin), directory.size());
    components.push_back(directory.substr(begin, end - begin));
    begin = end + 1;
  }
  const std::size_t first = components.size() - std::min(components.size(), kComponentsMax);
  for (std::size_t i = first; i < components.size(); ++i) {
    bag.add(hash_of(Kind::kComponent, components[i], i));
  }
  bag.add(hash_of(Kind::kDirectory, directory));
}

void add_name(FeatureBag& bag, std::string_view name) {
  constexpr std::size_t kGramsMax = 8;
  constexpr std::size_t kGram = 3;
  const std::size_t dot = name.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot > 0;
  const std::string_view stem = has_extension ? name.substr(0, dot) : name;
  bag.add(hash_of(Kind::kExtension, name.substr(stem.size())));
  const std::size_t digits_begin = stem.find_last_not_of("0123456789") + 1;
  const std::string_view digits = stem.substr(digits_begin);
  const std::string_view letters = stem.substr(0, digits_begin);
  for (std::size_t i = 0; i < std::min(letters.size(), kGramsMax); ++i) {
    bag.add(hash_of(Kind::kLetters, letters.substr(i, kGram)));
    if (i + kGram >= letters.size()) break;
  }
  if (digits.empty()) return;
  std::uint64_t number = 0;
  for (const char digit : digits.substr(0, 18)) {
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  bag.add(hash_of(Kind::kNumber, magnitude(number)));
  bag.add(hash_of(Kind::kLastDigit, number % 10));
}

}  // namespace

void FeatureBag::add(std::uint64_t hash) {
  if (count_ < kMax) rows_[count_++] = static_cast<std::uint16_t>(hash % kFeatureRows);
}

FeatureBag features_of(const Version& version) {
  FeatureBag bag;
  const std::string_view path = version.key;
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string_view::npos ? 0 : slash + 1;
  bag.add(hash_of(Kind::kPath, path));
  add_directories(bag, path.substr(0, name));
  add_name(bag, path.substr(name));
  bag.add(hash_of(Kind::kSize, magnitude(version.size)));
  return bag;
}

void add_place(FeatureBag& bag, const Place& place, std::uint64_t object_bytes,
               std::uint32_t chunk_bytes) {
  constexpr std::uint64_t kParts = 10;
  const std::uint64_t chunks = std::max<std::uint64_t>(1, object_bytes / chunk_bytes);
  if (place.chunk > 0) bag.add(hash_of(Kind::kChunk, place.key()));
  bag.add(hash_of(Kind::kTenth, std::min(place.chunk * kParts / chunks, kParts)));
}

void add_context(FeatureBag& bag, const Place& place, const ReadContext& context) {
  bag.add(hash_of(Kind::kProgram, context.program));
  bag.add(hash_of(Kind::kGap, magnitude(static_cast<std::uint64_t>(
                                  std::max<std::int64_t>(context.gap.count(), 0) / 1000))));
  bag.add(hash_of(Kind::kPair, place.key() ^ std::rotl(context.before.key(), 1) ^
                                   std::rotl(context.before_that.key(), 2)));
  if (context.before.object != place.object || context.before.chunks == 0) return;
  // The step from read to read, in magnitude and direction; small ones by themselves.
  const std::int64_t step = std::int64_t{place.chunk} - std::int64_t{context.before.chunk} -
                            std::int64_t{context.before.chunks};
  const auto size = static_cast<std::uint64_t>(step < 0 ? -step : step);
  constexpr std::uint64_t kExact = 16;
  const std::uint64_t bucket = size < kExact ? size : kExact + magnitude(size);
  bag.add(hash_of(Kind::kStep, bucket * 2 + (step < 0 ? 1 : 0)));
}

}  // namespace augurfs
