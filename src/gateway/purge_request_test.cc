#include "gateway/purge_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST(ReadPurge, ReadsEveryMember) {
  const auto call = ReadPurge(R"({"entries": [3, "5"], "tag": "t", "model": "m", "namespace": "",
      "category": "c", "prompt": "a fox", "min_similarity": 0.5, "older_than": 60, "all": false,
      "dry_run": false})",
                              100);
  ASSERT_TRUE(call) << call.error().message;
  const PurgeSelector& selector = call->selector;
  EXPECT_FALSE(call->dry_run);
  EXPECT_THAT(selector.entries, UnorderedElementsAre(3, 5));
  EXPECT_EQ(selector.tag, "t");
  EXPECT_EQ(selector.model, "m");
  EXPECT_EQ(selector.name_space, "");
  EXPECT_EQ(selector.category, "c");
  EXPECT_EQ(selector.prompt, "a fox");
  EXPECT_EQ(selector.min_similarity, 0.5);
  EXPECT_EQ(selector.older_than_ms, 60'000);
}

TEST(ReadPurge, IsADryRunUnlessToldOtherwise) {
  EXPECT_TRUE(ReadPurge(R"({"all": true})", 100)->dry_run);
  EXPECT_TRUE(ReadPurge(R"({"all": true, "dry_run": null})", 100)->dry_run);
}

TEST(ReadPurge, NeedsASelector) {
  for (const char* body :
       {"{}", R"({"dry_run": false})", R"({"all": false})", R"({"tag": null, "dry_run": false})"}) {
    const auto call = ReadPurge(body, 100);
    ASSERT_FALSE(call) << body;
    EXPECT_EQ(call.error().param, "all");
    EXPECT_THAT(call.error().message, HasSubstr("\"all\": true"));
  }
}

TEST(ReadPurge, RefusesWhatItCannotRead) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"entries": []})", "entries"},
      {R"({"entries": 3})", "entries"},
      {R"({"entries": [0]})", "entries"},
      {R"({"entries": ["x"]})", "entries"},
      {R"({"tag": 1})", "tag"},
      {R"({"older_than": -1})", "older_than"},
      {R"({"older_than": "7d"})", "older_than"},
      {R"({"prompt": "  "})", "prompt"},
      {R"({"prompt": "12345678901"})", "prompt"},
      {R"({"min_similarity": 0.5, "all": true})", "prompt"},
      {R"({"prompt": "a fox", "min_similarity": 2})", "min_similarity"},
      {R"({"all": "yes"})", "all"},
      {R"({"all": true, "dryrun": false})", "dryrun"},
  };
  for (const auto& [body, param] : wrong) {
    const auto call = ReadPurge(body, 10);
    ASSERT_FALSE(call) << body;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << body;
    EXPECT_EQ(call.error().param, param) << body;
  }
}

Purged Of(std::uint64_t id, std::vector<std::uint64_t> sizes) {
  Entry entry;
  entry.id = id;
  entry.scope = R"(["default","drafts"])";
  entry.prompt = "a fox";
  entry.model = "m";
  for (const std::uint64_t size : sizes) entry.images.emplace_back().bytes = size;
  return {std::make_shared<const CachedEntry>(entry, std::make_shared<EntryUsage>()), {}};
}

TEST(WritePurge, CountsEverythingAndShowsTheFirst) {
  std::vector<Purged> purged = {Of(7, {10, 20})};
  purged.front().similarity = 0.5;
  for (std::uint64_t id = 8; id < 200; ++id) purged.push_back(Of(id, {1}));
  const json body = json::parse(WritePurge(true, purged).BodyView());
  EXPECT_EQ(body["dry_run"], true);
  EXPECT_EQ(body["count"], 193);
  EXPECT_EQ(body["bytes"], 30 + 192);
  ASSERT_EQ(body["entries"].size(), 100u);
  EXPECT_EQ(body["entries"][0], json::parse(R"({"id": 7, "prompt": "a fox", "model": "m",
      "namespace": "drafts", "images": 2, "similarity": 0.5})"));
  EXPECT_FALSE(body["entries"][1].contains("similarity"));
}

}  // namespace
}  // namespace reprise
