#include "cache/generation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cache/cache_testing.h"

namespace reprise {
namespace {

// Where several upstreams can answer, only the one that did knows its price.
TEST(Generation, TheUpstreamsPriceIsTheEntrysAndWhatIsCounted) {
  TestCache test;
  test.upstream->SetAnswer([](const GenerateRequest& request) {
    auto generated = UpstreamScript::Draw(request);
    generated->upstream = "other";
    generated->image_usd = 0.5;
    return generated;
  });
  const Answer made = test.Handle(Ask("a red fox"));
  ASSERT_TRUE(made.reply) << made.reply.error().message;
  EXPECT_EQ(made.decision.upstream, "other");
  ASSERT_EQ(test.Rows().size(), 1u);
  EXPECT_EQ(test.Rows()[0].cost_usd, 0.5);
  EXPECT_EQ(test.cache().Stats()["spent_usd"], 0.5);
  const Answer hit = test.Handle(Ask("a red fox"));
  EXPECT_EQ(hit.decision.saved_usd, 0.5);
  EXPECT_EQ(hit.decision.upstream, "");
}

TEST(Generation, WithoutOneThePriceListCounts) {
  TestCache test;
  ASSERT_TRUE(test.Handle(Ask("a red fox")).reply);
  EXPECT_EQ(test.Rows()[0].cost_usd, 0.04);
}

// Two calls for one entry, at different prices: what its images cost on average.
TEST(Generation, ImagesOfSeveralCallsCostTheirAverage) {
  TestCache test;
  auto calls = std::make_shared<std::atomic<int>>(0);
  test.upstream->SetAnswer([calls](const GenerateRequest& request) {
    GenerateRequest one = request;
    one.count = 1;
    auto generated = UpstreamScript::Draw(one);
    generated->image_usd = ++*calls == 1 ? 0.1 : 0.3;
    return generated;
  });
  ImageRequest two = Ask("a red fox");
  two.count = 2;
  ASSERT_TRUE(test.Handle(two).reply);
  EXPECT_DOUBLE_EQ(test.Rows()[0].cost_usd, 0.2);
  EXPECT_DOUBLE_EQ(test.cache().Stats()["spent_usd"], 0.4);
}

// What a generator has checked is not decoded again: here it says so of what is no image.
TEST(Generation, ImagesAreDecodedOnce) {
  TestCache test;
  test.upstream->SetAnswer([](const GenerateRequest&) {
    Generated generated;
    generated.images.push_back(
        {ShareBytes(std::string("checked elsewhere")), "", ImageInfo{.width = 32, .height = 32}});
    return Result<Generated>(generated);
  });
  ASSERT_TRUE(test.Handle(Ask("a red fox")).reply);
  EXPECT_EQ(test.Rows().size(), 1u);
}

}  // namespace
}  // namespace reprise
