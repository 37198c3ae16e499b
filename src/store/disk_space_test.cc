#include "store/disk_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

TEST(FreeDiskBytes, IsWhatTheSystemSays) {
  const auto path = std::filesystem::temp_directory_path();
  const auto free = FreeDiskBytes(path);
  ASSERT_TRUE(free);
  EXPECT_GT(*free, 0u);
  EXPECT_LE(*free, std::filesystem::space(path).capacity);
}

TEST(FreeDiskBytes, APathThatIsNotThereIsAnErrorThatNamesIt) {
  const auto free = FreeDiskBytes("/no/such/directory");
  ASSERT_FALSE(free);
  EXPECT_THAT(free.error().message, testing::HasSubstr("/no/such/directory"));
}

}  // namespace
}  // namespace reprise
