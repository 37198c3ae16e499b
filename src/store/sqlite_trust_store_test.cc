#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "store/entry_store_testing.h"
#include "store/store_testing.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Correction About(const std::string& prompt, bool same, const std::string& tenant = "default") {
  return {.pair = Sha256(tenant + "/" + prompt),
          .tenant = tenant,
          .entry = 7,
          .entry_prompt = "a red fox",
          .prompt = prompt,
          .same = same,
          .note = "note on " + prompt,
          .created_ms = 1000};
}

class TrustStoreTest : public testing::Test {
 protected:
  TrustStoreTest() { Reopen(); }

  void Reopen() {
    stores_ = {};
    auto stores = OpenSqliteStores(place_.path() / "reprise.db");
    ASSERT_TRUE(stores) << stores.error().message;
    stores_ = std::move(*stores);
  }

  TrustStore& store() { return *stores_.trust; }

  std::uint64_t Put(Correction correction) {
    const auto id = runner_.Run(store().PutCorrection(std::move(correction)));
    EXPECT_TRUE(id);
    return id.value_or(0);
  }

  void Check(Task<Result<void>> task) {
    const auto done = runner_.Run(std::move(task));
    EXPECT_TRUE(done) << done.error().message;
  }

  std::vector<std::string> Listed(const std::string& tenant, std::uint64_t before,
                                  std::size_t limit) {
    const auto page = runner_.Run(store().ListCorrections(tenant, before, limit));
    EXPECT_TRUE(page);
    std::vector<std::string> prompts;
    for (const Correction& correction : page.value()) {
      prompts.push_back(correction.prompt + (correction.same ? " +" : " -"));
    }
    return prompts;
  }

  TemporaryDirectory place_;
  TaskRunner runner_;
  SqliteStores stores_;
};

TEST_F(TrustStoreTest, CorrectionsSurviveAndThereIsOnePerPair) {
  Put(About("blue", false));
  Put(About("green", false));
  Put(About("blue", true));  // changes a mind
  Put(About("theirs", false, "other"));
  Reopen();
  EXPECT_THAT(Listed("default", 0, 10), ElementsAre("blue +", "green -"));
  EXPECT_THAT(Listed("other", 0, 10), ElementsAre("theirs -"));
  EXPECT_THAT(Listed("nobody", 0, 10), IsEmpty());
  std::vector<Correction> all;
  ASSERT_TRUE(store().ForEachCorrection([&](Correction&& c) { all.push_back(std::move(c)); }));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].prompt, "green");
  EXPECT_EQ(all[0].pair, About("green", false).pair);
  EXPECT_EQ(all[0].entry, 7u);
  EXPECT_EQ(all[0].entry_prompt, "a red fox");
  EXPECT_EQ(all[0].note, "note on green");
  EXPECT_EQ(all[0].created_ms, 1000);
}

TEST_F(TrustStoreTest, CorrectionsAreListedInPages) {
  std::vector<std::uint64_t> ids;
  for (const char* prompt : {"a", "b", "c", "d"}) ids.push_back(Put(About(prompt, false)));
  EXPECT_THAT(Listed("default", 0, 3), ElementsAre("d -", "c -", "b -"));
  EXPECT_THAT(Listed("default", ids[1], 3), ElementsAre("a -"));
  EXPECT_THAT(Listed("default", ids[0], 3), IsEmpty());
  EXPECT_FALSE(runner_.Run(store().RemoveCorrection("other", ids[2])).value());
  EXPECT_EQ(runner_.Run(store().RemoveCorrection("default", ids[2])).value()->prompt, "c");
  EXPECT_FALSE(runner_.Run(store().RemoveCorrection("default", ids[2])).value());
  EXPECT_THAT(Listed("default", 0, 9), ElementsAre("d -", "b -", "a -"));
}

TEST_F(TrustStoreTest, ReviewsLastAsLongAsTheirEntry) {
  const auto id = runner_.Run(stores_.entries->Put(SampleEntry(1), SampleVector(1)));
  ASSERT_TRUE(id);
  Check(store().SetReview(*id, true, 5));
  Check(store().SetReview(*id, true, 6));
  Check(store().SetReview(*id + 1000, true, 6));  // no such entry
  Reopen();
  EXPECT_THAT(store().Reviews().value(), ElementsAre(*id));
  Check(store().SetReview(*id, false, 7));
  EXPECT_THAT(store().Reviews().value(), IsEmpty());
  Check(store().SetReview(*id, true, 8));
  Check(stores_.entries->Remove({*id}));
  EXPECT_THAT(store().Reviews().value(), IsEmpty());
}

TEST_F(TrustStoreTest, ObservationsKeepWhatIsKnownAndTheNewest) {
  const StoredObservation measured{.source = ObservationSource::kControl,
                                   .pool = 0xfedcba9876543210,
                                   .decision = 12,
                                   .entry = 3,
                                   .similarity = 0.91,
                                   .score = 0.5,
                                   .same = {},
                                   .created_ms = 99};
  const StoredObservation judged{.source = ObservationSource::kAudited, .same = false};
  for (int i = 0; i < 5; ++i) Check(store().PutObservation({}));
  Check(store().PutObservation(measured));
  Check(store().PutObservation(judged));
  Check(store().KeepObservations(2));
  Reopen();
  std::vector<StoredObservation> all;
  ASSERT_TRUE(store().ForEachObservation([&](const StoredObservation& o) { all.push_back(o); }));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].source, ObservationSource::kControl);
  EXPECT_EQ(all[0].pool, 0xfedcba9876543210);
  EXPECT_EQ(all[0].decision, 12u);
  EXPECT_EQ(all[0].entry, 3u);
  EXPECT_EQ(all[0].similarity, 0.91);
  EXPECT_EQ(all[0].score, 0.5);
  EXPECT_EQ(all[0].same, std::nullopt);
  EXPECT_EQ(all[0].created_ms, 99);
  EXPECT_EQ(all[1].score, std::nullopt);
  EXPECT_EQ(all[1].same, false);
}

TEST_F(TrustStoreTest, SpendingAddsUpByDay) {
  EXPECT_EQ(store().SpentOn(20'000).value(), 0);
  Check(store().AddSpending(20'000, 0.04));
  Check(store().AddSpending(20'000, 0.04));
  Check(store().AddSpending(20'001, 0.5));
  Check(store().AddSpending(20'000, -0.04));  // given back: the call failed
  Reopen();
  EXPECT_DOUBLE_EQ(store().SpentOn(20'000).value(), 0.04);
  EXPECT_DOUBLE_EQ(store().SpentOn(20'001).value(), 0.5);
  EXPECT_FALSE(runner_.Run(store().AddSpending(20'000, NAN)));
}

}  // namespace
}  // namespace reprise
