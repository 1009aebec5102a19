#include "predictor/brain/protocol.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace augurfs {
namespace {

Event some_event() {
  Event event;
  event.time = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(123'456'789));
  event.operation = Operation::kServed;
  event.by_kernel_readahead = true;
  event.handle = 7;
  event.stream = 8;
  event.program = 9;
  event.object = object_id("a/b");
  event.object_bytes = 1'000'000;
  event.range = {4096, 8192};
  event.latency = std::chrono::milliseconds(30);
  return event;
}

Candidate some_hint() {
  return {.object = object_id("a/c"),
          .range = {1, 2},
          .probability = 0.25F,
          .expected_in = std::chrono::milliseconds(5),
          .expert = ExpertId::kReadahead,
          .program = 6};
}

std::string daemon_packet() {
  return encode(DaemonRecord(BrainHello{})) + encode(DaemonRecord(ObjectNews{"a/b", 17})) +
         encode(DaemonRecord(ListingNews{"a/", {{"b", 17}, {"c", 18}}, false})) +
         encode(DaemonRecord(some_event())) + encode(DaemonRecord(BrainPing{3}));
}

ModelNews some_model() {
  return {.learns = true,
          .votes = true,
          .steps = 5,
          .resumed = 3,
          .rolled_back = 6,
          .saves_failed = 7,
          .loss = 0.5F,
          .note = "damaged"};
}

std::string brain_packet() {
  return encode(BrainRecord(BrainHello{})) + encode(BrainRecord(some_hint())) +
         encode(BrainRecord(BrainPong{3, 4})) + encode(BrainRecord(some_model()));
}

// What is read again and written again is the same, so nothing got lost.
template <typename Record>
std::string again(const std::vector<Record>& records) {
  std::string packet;
  for (const Record& record : records) packet += encode(record);
  return packet;
}

TEST(Protocol, WhatIsSaidToTheBrainIsWhatItHears) {
  const auto records = decode_for_brain(daemon_packet());
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 5U);
  EXPECT_EQ(again(*records), daemon_packet());
  const auto& listing = std::get<ListingNews>((*records)[2]);
  EXPECT_EQ(listing.prefix, "a/");
  ASSERT_EQ(listing.children.size(), 2U);
  EXPECT_EQ(listing.children[1].name, "c");
  EXPECT_EQ(listing.children[1].bytes, 18U);
  EXPECT_FALSE(listing.last);
  const auto& event = std::get<Event>((*records)[3]);
  EXPECT_EQ(event.time, some_event().time);
  EXPECT_EQ(event.operation, Operation::kServed);
  EXPECT_FALSE(event.hit);
  EXPECT_TRUE(event.by_kernel_readahead);
  EXPECT_EQ(event.object, object_id("a/b"));
  EXPECT_EQ(event.range.length, 8192U);
  EXPECT_EQ(event.latency, std::chrono::milliseconds(30));
}

TEST(Protocol, WhatTheBrainSaysIsWhatTheDaemonHears) {
  const auto records = decode_for_daemon(brain_packet());
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 4U);
  EXPECT_EQ(again(*records), brain_packet());
  const auto& hint = std::get<Candidate>((*records)[1]);
  EXPECT_EQ(hint.object, object_id("a/c"));
  EXPECT_EQ(hint.probability, 0.25F);
  EXPECT_EQ(hint.program, 6U);
  EXPECT_EQ(hint.expected_in, std::chrono::milliseconds(5));
  EXPECT_EQ(std::get<BrainPong>((*records)[2]).hints_dropped, 4U);
  EXPECT_EQ(std::get<ModelNews>((*records)[3]), some_model());
}

TEST(Protocol, NoPacketOfOneDirectionIsHeardInTheOther) {
  EXPECT_FALSE(decode_for_daemon(daemon_packet()));
  EXPECT_FALSE(decode_for_brain(brain_packet()));
}

TEST(Protocol, APacketCutShortAnywhereButBetweenRecordsIsAnError) {
  const std::string packet = encode(BrainRecord(some_hint()));
  for (std::size_t size = 1; size < packet.size(); ++size) {
    EXPECT_FALSE(decode_for_daemon(packet.substr(0, size))) << size;
  }
  const std::string listing = encode(DaemonRecord(ListingNews{"a/", {{"b", 1}, {"c", 2}}, true}));
  for (std::size_t size = 1; size < listing.size(); ++size) {
    EXPECT_FALSE(decode_for_brain(listing.substr(0, size))) << size;
  }
}

TEST(Protocol, WhatIsSaidOfAModelMustMakeSense) {
  const auto is_heard = [](const ModelNews& model) {
    return bool(decode_for_daemon(encode(BrainRecord(model))));
  };
  EXPECT_TRUE(is_heard({}));
  EXPECT_FALSE(is_heard({.loss = -1}));
  EXPECT_FALSE(is_heard({.loss = std::numeric_limits<float>::quiet_NaN()}));
  std::string packet = encode(BrainRecord(ModelNews{}));
  packet[1] = 2;  // neither true nor false
  EXPECT_FALSE(decode_for_daemon(packet));
  const auto cut =
      decode_for_daemon(encode(BrainRecord(ModelNews{.note = std::string(kToldKeyBytesMax, 'x')})));
  ASSERT_TRUE(cut);
  EXPECT_EQ(std::get<ModelNews>(cut->front()).note.size(), kModelNoteBytesMax);
}

TEST(Protocol, GiantLengthsAndCountsAreErrors) {
  std::string object = encode(DaemonRecord(ObjectNews{"key", 1}));
  object[1] = '\xff';  // the length stands behind the type
  object[2] = '\xff';
  EXPECT_FALSE(decode_for_brain(object));
  std::string listing = encode(DaemonRecord(ListingNews{"", {}, true}));
  listing[4] = '\xff';  // the count stands last
  listing[5] = '\xff';
  EXPECT_FALSE(decode_for_brain(listing));
  const std::string long_key(kToldKeyBytesMax + 1, 'x');
  EXPECT_FALSE(decode_for_brain(encode(DaemonRecord(ObjectNews{long_key, 1}))));
}

TEST(Protocol, AHintThatCannotBeIsAnError) {
  const auto decodes = [](const Candidate& hint) {
    return decode_for_daemon(encode(BrainRecord(hint))).has_value();
  };
  EXPECT_TRUE(decodes(some_hint()));
  Candidate hint = some_hint();
  hint.probability = std::nanf("");
  EXPECT_FALSE(decodes(hint));
  hint.probability = 1.5F;
  EXPECT_FALSE(decodes(hint));
  hint.probability = -0.1F;
  EXPECT_FALSE(decodes(hint));
  hint = some_hint();
  hint.range = {5, 0};
  EXPECT_FALSE(decodes(hint)) << "a listing has no place to begin at";
  hint.range = {0, 0};
  EXPECT_TRUE(decodes(hint)) << "a listing";
  hint.range = {2, std::numeric_limits<std::uint64_t>::max()};
  EXPECT_FALSE(decodes(hint));
  hint = some_hint();
  hint.expected_in = std::chrono::nanoseconds(-1);
  EXPECT_FALSE(decodes(hint));
}

TEST(Protocol, AnotherVersionsHelloIsUnderstoodAsThat) {
  const auto records = decode_for_daemon(encode(BrainRecord(BrainHello{99})));
  ASSERT_TRUE(records);
  EXPECT_EQ(std::get<BrainHello>(records->front()).version, 99U);
  EXPECT_FALSE(decode_for_daemon("HTTP/1.1 200 OK"));
}

TEST(Protocol, AFlippedByteIsAnErrorOrAnotherMessageAndNeverWorse) {
  std::mt19937 random(20);
  for (const std::string& packet : {daemon_packet(), brain_packet()}) {
    for (std::size_t at = 0; at < packet.size(); ++at) {
      for (int round = 0; round < 8; ++round) {
        std::string flipped = packet;
        flipped[at] = static_cast<char>(random());
        // What was understood can be said again, in as many bytes.
        if (const auto records = decode_for_brain(flipped)) {
          EXPECT_EQ(again(*records).size(), flipped.size());
        }
        if (const auto records = decode_for_daemon(flipped)) {
          EXPECT_EQ(again(*records).size(), flipped.size());
        }
      }
    }
  }
}

RC_GTEST_PROP(ProtocolFuzz, AnyBytesAreRecordsOrAnError, (const std::string& bytes)) {
  if (const auto records = decode_for_brain(bytes)) RC_ASSERT(again(*records) == bytes);
  if (const auto records = decode_for_daemon(bytes)) RC_ASSERT(again(*records) == bytes);
}

RC_GTEST_PROP(ProtocolFuzz, AnyNamesComeThrough,
              (const std::string& prefix, const std::vector<std::string>& names, bool last)) {
  ListingNews listing{prefix, {}, last};
  for (const auto& name : names) listing.children.push_back({name, name.size()});
  const std::string packet = encode(DaemonRecord(listing));
  const auto records = decode_for_brain(packet);
  RC_ASSERT(records.has_value());
  RC_ASSERT(again(*records) == packet);
}

RC_GTEST_PROP(ProtocolFuzz, PacketsSplicedTogetherAreRecordsOrAnError,
              (std::size_t head, std::size_t tail, bool of_brain)) {
  const std::string packet = of_brain ? brain_packet() : daemon_packet();
  const std::string spliced =
      packet.substr(0, head % packet.size()) + packet.substr(tail % packet.size());
  if (const auto records = decode_for_brain(spliced)) RC_ASSERT(again(*records) == spliced);
  if (const auto records = decode_for_daemon(spliced)) RC_ASSERT(again(*records) == spliced);
}

}  // namespace
}  // namespace augurfs
