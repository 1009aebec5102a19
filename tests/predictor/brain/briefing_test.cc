#include "predictor/brain/briefing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "predictor/brain/protocol.h"

namespace augurfs {
namespace {

Version version_of(const std::string& key, std::uint64_t size = 1) { return {key, "etag", size}; }

Event event_of(const std::string& key, Operation operation = Operation::kOpen) {
  Event event;
  event.operation = operation;
  event.object = object_id(key);
  return event;
}

class BriefingTest : public testing::Test {
 protected:
  // Names that end in "/" are subdirectories.
  void list(const std::string& prefix, const std::vector<std::string>& names) {
    std::vector<ObjectInfo> objects;
    std::vector<std::string> subdirectories;
    for (const auto& name : names) {
      if (name.ends_with('/')) {
        subdirectories.push_back(prefix + name);
      } else {
        objects.push_back({version_of(prefix + name), {}});
      }
    }
    catalog.list(prefix, objects, subdirectories);
  }

  // What is said before the event: "key" for an object, "prefix:names" for a listing.
  std::vector<std::string> said(const Event& event, bool arrives = true) {
    std::vector<std::string> out;
    const auto records = briefing.records(event, catalog);
    for (const auto& record : records) {
      EXPECT_LE(record.size(), kPacketBytesMax);
      const auto decoded = decode_for_brain(record);
      EXPECT_TRUE(decoded && decoded->size() == 1);
      if (const auto* object = std::get_if<ObjectNews>(&decoded->front())) {
        out.push_back(object->key);
      } else if (const auto* listing = std::get_if<ListingNews>(&decoded->front())) {
        std::string text = listing->prefix + ":";
        for (const auto& child : listing->children) text += child.name;
        out.push_back(text + (listing->last ? "" : "..."));
      } else {
        EXPECT_EQ(&record, &records.back()) << "the event stands last";
      }
    }
    if (arrives) briefing.commit();
    return out;
  }

  Catalog catalog;
  Briefing briefing;
};

using Said = std::vector<std::string>;

TEST_F(BriefingTest, AnObjectIsToldOnceBeforeTheFirstEventThatNamesIt) {
  catalog.see(version_of("d/a"));
  EXPECT_EQ(said(event_of("d/a")), Said{"d/:a"});
  EXPECT_EQ(said(event_of("d/a")), Said{});
  catalog.see(version_of("d/b"));
  EXPECT_EQ(said(event_of("d/b")), Said{"d/b"}) << "the brain has seen the directory grow";
  EXPECT_EQ(said(event_of("d/b")), Said{});
}

TEST_F(BriefingTest, AListingIsToldWithTheFirstEventInTheDirectory) {
  list("d/", {"a", "b", "c"});
  EXPECT_EQ(said(event_of("d/b")), Said{"d/:abc"});
  EXPECT_EQ(said(event_of("d/c")), Said{});
  EXPECT_EQ(said(event_of("d/", Operation::kList)), Said{});
}

TEST_F(BriefingTest, SubdirectoriesAreToldWithTheListing) {
  list("d/", {"x/", "a", "y/"});
  EXPECT_EQ(said(event_of("d/", Operation::kListedAhead)), Said{"d/:ax/y/"});
  EXPECT_EQ(said(event_of("d/x/", Operation::kList)), Said{}) << "nobody knows what is in it";
  list("d/x/", {"z/"});
  EXPECT_EQ(said(event_of("d/x/", Operation::kListedAhead)), Said{"d/x/:z/"});
  list("d/", {"x/", "a", "y/", "new/"});
  EXPECT_EQ(said(event_of("d/", Operation::kList)), Said{"d/:ax/y/new/"});
}

TEST_F(BriefingTest, WhatHasChangedIsToldAgain) {
  list("d/", {"a", "b"});
  said(event_of("d/", Operation::kList));
  list("d/", {"a", "b", "c"});
  EXPECT_EQ(said(event_of("d/", Operation::kList)), Said{"d/:abc"});
  catalog.see(version_of("d/a", 2));
  EXPECT_EQ(said(event_of("d/a")), Said{"d/a"});
}

TEST_F(BriefingTest, WhatDidNotArriveIsToldAgain) {
  list("d/", {"a", "b"});
  EXPECT_EQ(said(event_of("d/a"), false), Said{"d/:ab"});
  EXPECT_EQ(said(event_of("d/a"), true), Said{"d/:ab"});
  EXPECT_EQ(said(event_of("d/a")), Said{});
}

TEST_F(BriefingTest, ABrainThatKnowsNothingIsToldAllAgain) {
  list("", {"a", "b"});
  said(event_of("a"));
  briefing.begin_anew();
  EXPECT_EQ(said(event_of("b")), Said{":ab"});
}

TEST_F(BriefingTest, OfWhatNobodyKnowsOnlyTheEventIsTold) {
  EXPECT_EQ(said(event_of("d/a")), Said{});
  EXPECT_EQ(said(event_of("d/", Operation::kList)), Said{});
}

TEST_F(BriefingTest, ALongListingComesInPiecesOfWhichOnlyTheLastSaysSo) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(std::string(250, 'x') + std::to_string(i));
  list("d/", names);
  const Said pieces = said(event_of("d/", Operation::kList));
  ASSERT_GT(pieces.size(), 5U);
  for (const auto& piece : pieces) {
    EXPECT_EQ(piece.ends_with("..."), &piece != &pieces.back());
  }
}

TEST_F(BriefingTest, ADirectoryOfAsManyChildrenAsTheCatalogKnowsIsToldOnce) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < Catalog::kObjectsMaxUsual + 10; ++i) {
    names.push_back(std::to_string(i));
  }
  list("d/", names);
  EXPECT_GT(said(event_of("d/1")).size(), 1U);
  EXPECT_EQ(said(event_of("d/2")), Said{});
  list("e/", {"a"});
  EXPECT_EQ(said(event_of("e/a")), Said{"e/:a"});
  EXPECT_EQ(said(event_of("d/2")), Said{});
}

TEST_F(BriefingTest, WhatABrainMayHaveForgottenIsToldAgain) {
  list("first/", {"a"});
  EXPECT_EQ(said(event_of("first/a")), Said{"first/:a"});
  std::size_t told = 1;
  for (int round = 0; told <= Briefing::kBrainObjectsMax; ++round) {
    std::vector<std::string> names;
    for (int i = 0; i < 50'000; ++i) names.push_back(std::to_string(i));
    list(std::to_string(round) + "/", names);
    said(event_of(std::to_string(round) + "/1"));
    told += names.size();
  }
  list("first/", {"a"});
  EXPECT_EQ(said(event_of("first/a")), Said{"first/:a"});
}

TEST_F(BriefingTest, OfAListingThatIsTooLongTheFirstChildrenAreTold) {
  std::vector<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.push_back(std::string(1000, 'x') + std::to_string(i));
  list("d/", names);
  const auto event = event_of("d/", Operation::kList);
  std::size_t bytes = 0;
  const auto records = briefing.records(event, catalog);
  for (const auto& record : records) bytes += record.size();
  EXPECT_GT(bytes, Briefing::kListingBytesMax / 10 * 9);
  EXPECT_LT(bytes, Briefing::kListingBytesMax / 10 * 11);
  EXPECT_TRUE(said(event).at(records.size() - 2).find("...") == std::string::npos)
      << "it is told that this is all";
  EXPECT_EQ(said(event_of("d/" + names.back())), Said{"d/" + names.back()});
}

TEST_F(BriefingTest, AMarkerOfTheDirectoryItselfIsLeftOut) {
  list("d/", {"", "a", "b"});
  EXPECT_EQ(said(event_of("d/a")), Said{"d/:ab"});
}

TEST_F(BriefingTest, AKeyTooLongForTheProtocolIsLeftOut) {
  list("d/", {"a", std::string(kToldKeyBytesMax, 'x'), "b"});
  EXPECT_EQ(said(event_of("d/a")), Said{"d/:ab"});
}

}  // namespace
}  // namespace augurfs
