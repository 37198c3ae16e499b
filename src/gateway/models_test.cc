#include "gateway/models.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

TEST(ImageModels, AreTheDefaultAndThoseOfTheRoutesEachOnce) {
  GatewaySettings settings;
  EXPECT_EQ(ImageModels(settings), std::vector<std::string>{"gpt-image-1"});
  settings.models = {"fast", "gpt-image-1", "google/best", "fast"};
  EXPECT_EQ(ImageModels(settings),
            (std::vector<std::string>{"gpt-image-1", "fast", "google/best"}));
  EXPECT_TRUE(IsImageModel(settings, "google/best"));
  EXPECT_TRUE(IsImageModel(settings, "gpt-image-1"));
  EXPECT_FALSE(IsImageModel(settings, "best"));
  EXPECT_FALSE(IsImageModel(settings, ""));
}

}  // namespace
}  // namespace reprise
