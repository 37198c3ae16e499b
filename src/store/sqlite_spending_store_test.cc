#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "store/entry_store_testing.h"
#include "store/store_testing.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class SpendingStoreTest : public testing::Test {
 protected:
  SpendingStoreTest() { Reopen(); }

  void Reopen() {
    stores_ = {};
    auto stores = OpenSqliteStores(place_.path() / "reprise.db");
    ASSERT_TRUE(stores) << stores.error().message;
    stores_ = std::move(*stores);
  }
  void Add(std::int64_t day, std::string tenant, double usd) {
    EXPECT_TRUE(runner_.Run(stores_.spending->Add(day, std::move(tenant), usd)));
  }
  std::map<std::string, double> SpentOn(std::int64_t day) {
    return *stores_.spending->SpentOn(day);
  }

  TaskRunner runner_;
  TemporaryDirectory place_;
  SqliteStores stores_;
};

TEST_F(SpendingStoreTest, AddsUpByDayAndTenantAndKeepsIt) {
  Add(20'000, "a", 0.04);
  Add(20'000, "a", 0.06);
  Add(20'000, "b", 1);
  Add(20'001, "a", 5);
  Reopen();
  EXPECT_THAT(SpentOn(20'000), ElementsAre(Pair("a", DoubleNear(0.1, 1e-9)), Pair("b", 1)));
  EXPECT_THAT(SpentOn(20'001), ElementsAre(Pair("a", 5)));
  EXPECT_THAT(SpentOn(19'999), IsEmpty());
}

TEST_F(SpendingStoreTest, GivesBackButNeverBelowZero) {
  Add(20'000, "a", 0.5);
  Add(20'000, "a", -0.3);
  EXPECT_THAT(SpentOn(20'000), ElementsAre(Pair("a", DoubleNear(0.2, 1e-9))));
  Add(20'000, "a", -9);
  Add(20'000, "new", -1);
  EXPECT_THAT(SpentOn(20'000), ElementsAre(Pair("a", 0), Pair("new", 0)));
}

TEST_F(SpendingStoreTest, ForgetsDaysLongGone) {
  Add(20'000, "a", 1);
  Add(20'400, "a", 1);
  EXPECT_THAT(SpentOn(20'000), ElementsAre(Pair("a", 1)));
  Add(20'401, "a", 1);
  EXPECT_THAT(SpentOn(20'000), IsEmpty());
}

TEST_F(SpendingStoreTest, RefusesWhatIsNoAmount) {
  const auto none =
      runner_.Run(stores_.spending->Add(1, "a", std::numeric_limits<double>::quiet_NaN()));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace reprise
