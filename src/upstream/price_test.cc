#include "upstream/price.h"

#include <gtest/gtest.h>

#include <tuple>

namespace reprise {
namespace {

TEST(Price, ListedModelsBySizeAndQuality) {
  const PriceTable table = PriceTable::Builtin();
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "low", 1024, 1024), 0.011);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "medium", 1024, 1536), 0.063);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "high", 1536, 1024), 0.25);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1-mini", "low", 1024, 1024), 0.005);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1-mini", "high", 1024, 1536), 0.052);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-3", "standard", 1024, 1024), 0.04);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-3", "hd", 1024, 1792), 0.12);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-2", "", 256, 256), 0.016);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-2", "", 512, 512), 0.018);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-2", "", 1024, 1024), 0.02);
}

TEST(Price, AutoAndUnknownQualityCountAsTheDefault) {
  const PriceTable table = PriceTable::Builtin();
  for (const char* quality : {"auto", "", "splendid"}) {
    EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", quality, 1024, 1024), 0.042) << quality;
    EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1-mini", quality, 1024, 1024), 0.011) << quality;
    EXPECT_DOUBLE_EQ(table.PerImage("dall-e-3", quality, 1024, 1024), 0.04) << quality;
  }
}

TEST(Price, OtherSizesCountAsTheNearest) {
  const PriceTable table = PriceTable::Builtin();
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "high", 0, 0), 0.167);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "high", 900, 900), 0.167);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", "high", 4096, 4096), 0.25);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-2", "", 1, 1), 0.016);
}

TEST(Price, ProvidersInFrontOfTheModelAreSkipped) {
  PriceTable table = PriceTable::Builtin();
  EXPECT_DOUBLE_EQ(table.PerImage("openai/dall-e-3", "hd", 1024, 1024), 0.08);
  table.Set("flux", 0.003);
  EXPECT_DOUBLE_EQ(table.PerImage("black-forest-labs/flux", "", 512, 512), 0.003);
}

TEST(Price, ConfiguredRowsByQualityAndSize) {
  PriceTable table = PriceTable::Builtin();
  table.Set("gpt-image-1", {{.usd = 0.05},
                            {.width = 1536, .height = 1024, .usd = 0.07},
                            {.quality = "high", .usd = 0.2},
                            {.quality = "high", .width = 1536, .height = 1024, .usd = 0.3}});
  const std::tuple<const char*, int, int, double> cases[] = {
      {"", 1024, 1024, 0.05},    {"medium", 512, 512, 0.05}, {"auto", 1536, 1024, 0.07},
      {"low", 1024, 1536, 0.07}, {"high", 1024, 1024, 0.2},  {"high", 1024, 1536, 0.3},
      {"high", 4096, 4096, 0.2}, {"high", 0, 0, 0.2}};
  for (const auto& [quality, width, height, usd] : cases) {
    EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1", quality, width, height), usd)
        << quality << " " << width << "x" << height;
  }
  table.Set("flux", {{.quality = "draft", .width = 512, .height = 512, .usd = 0.001},
                     {.quality = "draft", .width = 1024, .height = 1024, .usd = 0.002},
                     {.quality = "fine", .usd = 0.01}});
  EXPECT_DOUBLE_EQ(table.PerImage("flux", "", 600, 600), 0.001) << "the first quality, the nearest";
  EXPECT_DOUBLE_EQ(table.PerImage("flux", "fine", 600, 600), 0.01);
}

TEST(Price, ConfigurationOverridesTheList) {
  PriceTable table = PriceTable::Builtin();
  EXPECT_DOUBLE_EQ(table.PerImage("flux", "", 1024, 1024), 0);
  table.SetDefault(0.5);
  table.Set("dall-e-3", 0.01);
  EXPECT_DOUBLE_EQ(table.PerImage("flux", "", 1024, 1024), 0.5);
  EXPECT_DOUBLE_EQ(table.PerImage("gpt-image-1.5", "", 1024, 1024), 0.5);
  EXPECT_DOUBLE_EQ(table.PerImage("dall-e-3", "hd", 1792, 1024), 0.01);
  EXPECT_DOUBLE_EQ(PriceTable().PerImage("dall-e-3", "hd", 1024, 1024), 0);
}

}  // namespace
}  // namespace reprise
