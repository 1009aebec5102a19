#include "cache/listing_code.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "support/seeds.h"

namespace augurfs {
namespace {

ObjectInfo object(const std::string& key, const std::string& etag, std::uint64_t size,
                  std::int64_t time) {
  return {{key, etag, size}, std::chrono::sys_seconds{std::chrono::seconds{time}}};
}

void expect_equal(const Listing& a, const Listing& b) {
  ASSERT_EQ(a.objects.size(), b.objects.size());
  for (std::size_t i = 0; i < a.objects.size(); ++i) {
    EXPECT_EQ(a.objects[i].version, b.objects[i].version);
    EXPECT_EQ(a.objects[i].modified, b.objects[i].modified);
  }
  EXPECT_EQ(a.prefixes, b.prefixes);
  EXPECT_EQ(a.left_out, b.left_out);
  EXPECT_EQ(a.left_out_example, b.left_out_example);
}

Listing some_listing() {
  Listing listing;
  listing.objects = {object("d/", "d41d8cd98f00b204e9800998ecf8427e", 0, 0),
                     object("d/a", "d41d8cd98f00b204e9800998ecf8427e-3", 1, 1'700'000'000),
                     object("d/ab\n\xff", "", UINT64_MAX, -5), object("d/b", "ABC", 1 << 20, 7)};
  listing.prefixes = {"d//", "d/sub/", "d/sub2/"};
  listing.left_out = 3;
  listing.left_out_example = "d/link";
  return listing;
}

TEST(ListingCode, WhatIsDecodedIsWhatWasEncoded) {
  for (const Listing& listing : {some_listing(), Listing{}}) {
    const auto decoded = decode_listing("d/", encode_listing("d/", listing));
    ASSERT_TRUE(decoded);
    expect_equal(*decoded, listing);
  }
}

TEST(ListingCode, AnObjectTakesLittleMoreThanItsEtag) {
  Listing listing;
  for (int i = 0; i < 1000; ++i) {
    listing.objects.push_back(object("some/directory/file-" + std::to_string(100'000 + i),
                                     "d41d8cd98f00b204e9800998ecf8427e", 70'000, 1'700'000'000));
  }
  EXPECT_LE(encode_listing("some/directory/", listing).size(), 1000 * 28U);
}

TEST(ListingCode, AnythingElseIsNoListingAndHarmsNobody) {
  const std::string bytes = encode_listing("d/", some_listing());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_listing("d/", bytes.substr(0, size)));
  }
  EXPECT_FALSE(decode_listing("d/", bytes + "x"));
  const Seeds tried = seeds(2000);
  for (std::uint64_t seed = tried.first; seed < tried.end(); ++seed) {
    std::mt19937_64 random(seed);
    std::string spoilt = bytes;
    for (int i = 0; i < 3; ++i) spoilt[random() % spoilt.size()] = static_cast<char>(random());
    const auto decoded = decode_listing("d/", spoilt);
    if (!decoded) continue;
    for (const auto& found : decoded->objects) EXPECT_TRUE(found.version.key.starts_with("d/"));
  }
}

}  // namespace
}  // namespace augurfs
