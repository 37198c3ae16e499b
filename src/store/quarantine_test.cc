#include "store/quarantine.h"

#include <gtest/gtest.h>

#include <chrono>

#include "store/store_testing.h"

namespace reprise {
namespace {

class QuarantineTest : public testing::Test {
 protected:
  // A file of so many bytes that was set aside so many hours ago.
  void SetAside(Quarantine& quarantine, const std::string& name, std::size_t bytes, int hours) {
    const auto file = place_.path() / ("from-" + name);
    ASSERT_TRUE(SystemFiles().Write(file, std::string(bytes, 'x'), false));
    ASSERT_TRUE(quarantine.Take(file, name));
    const auto then = std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours);
    if (Has(name)) std::filesystem::last_write_time(aside_ / name, then);
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(aside_ / name); }

  TemporaryDirectory place_;
  const std::filesystem::path aside_ = [this] {
    std::filesystem::create_directories(place_.path() / "quarantine");
    return place_.path() / "quarantine";
  }();
};

TEST_F(QuarantineTest, KeepsTheNewestWithinItsBound) {
  Quarantine quarantine(aside_, SystemFiles(), 1000);
  SetAside(quarantine, "old", 400, 3);
  SetAside(quarantine, "older", 400, 5);
  EXPECT_TRUE(Has("old") && Has("older"));
  SetAside(quarantine, "new", 400, 0);
  EXPECT_TRUE(Has("old") && Has("new"));
  EXPECT_FALSE(Has("older"));
}

TEST_F(QuarantineTest, KeepsNothingThatIsTooLargeByItself) {
  Quarantine quarantine(aside_, SystemFiles(), 1000);
  SetAside(quarantine, "huge", 1001, 0);
  EXPECT_FALSE(Has("huge"));
}

TEST_F(QuarantineTest, TrimsWhatWasThereBefore) {
  Quarantine generous(aside_, SystemFiles(), 10'000);
  for (int hours = 1; hours <= 5; ++hours) {
    SetAside(generous, "aside-" + std::to_string(hours), 400, hours);
  }
  Quarantine(aside_, SystemFiles(), 1000).Trim();
  EXPECT_TRUE(Has("aside-1") && Has("aside-2"));
  EXPECT_FALSE(Has("aside-3") || Has("aside-4") || Has("aside-5"));
}

TEST_F(QuarantineTest, TheSameDamageTwiceIsKeptOnce) {
  Quarantine quarantine(aside_, SystemFiles(), 1000);
  SetAside(quarantine, "blob", 300, 0);
  SetAside(quarantine, "blob", 500, 0);
  EXPECT_EQ(std::filesystem::file_size(aside_ / "blob"), 500u);
}

}  // namespace
}  // namespace reprise
