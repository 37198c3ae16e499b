#include "app/batch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using nlohmann::json;
using testing::StartsWith;

TEST(ParseBatchFile, IsTheRequestsBody) {
  const auto body = ParseBatchFile(R"(
defaults: {size: 64x64, n: 2, cache: {no-cache: true}}
variables: {client: "7", year: 2026, ratio: 0.5}
items:
  zebra: {prompt: a zebra, seed: -1}
  ant:
    prompt: |
      two lines
      of text
    tags: [a, 'true', null]
)",
                                   "b.yaml");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(*body, json::parse(R"({
    "defaults": {"size": "64x64", "n": 2, "cache": {"no-cache": true}},
    "variables": {"client": "7", "year": 2026, "ratio": 0.5},
    "items": [{"name": "zebra", "prompt": "a zebra", "seed": -1},
              {"name": "ant", "prompt": "two lines\nof text\n", "tags": ["a", "true", null]}]})"));
}

TEST(ParseBatchFile, NamesTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"items: {a: 5}", "b.yaml:1: "},
      {"items:\n  a: {prompt: x}\nitems: {}\n", "b.yaml:3: "},
      {"items:\n  a: {x: 1, x: 2}\n", "b.yaml:2: "},
      {"- a", "b.yaml:1: "},
      {"items: [", "b.yaml:"},
  };
  for (const auto& [yaml, start] : cases) {
    const auto body = ParseBatchFile(yaml, "b.yaml");
    ASSERT_FALSE(body) << yaml;
    EXPECT_THAT(body.error().message, StartsWith(start));
  }
}

// Seven levels of ten aliases each: ten million nodes in a few lines.
TEST(ParseBatchFile, RefusesFilesThatMultiply) {
  std::string yaml = "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n";
  for (int i = 1; i < 7; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    yaml += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) yaml += ", " + before;
    yaml += "]\n";
  }
  EXPECT_FALSE(ParseBatchFile(yaml, "b.yaml"));
}

}  // namespace
}  // namespace reprise
