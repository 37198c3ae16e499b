// Random writes and removals, a power cut in the middle of any of them, and what is there
// afterwards; as in leveldb's fault_injection_test. REPRISE_POWER_SEEDS=1000 for a long run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "store/blob_store.h"
#include "store/entry_store_testing.h"
#include "store/faulty_disk_testing.h"
#include "store/sqlite.h"

namespace reprise {
namespace {

constexpr int kNumbers = 40;
constexpr int kSessions = 12;

enum class State { kAbsent, kThere, kUnknown };

std::string BytesOf(int number) {
  return std::string(static_cast<std::size_t>(3000 + 700 * number), 'b') + std::to_string(number);
}

Entry EntryOf(int number) {
  Entry entry = SampleEntry(number);
  entry.images[0].blob = Sha256(BytesOf(number));
  return entry;
}

class PowerCutTest : public testing::TestWithParam<std::tuple<SyncMode, unsigned>> {
 protected:
  PowerCutTest() : random_(std::get<1>(GetParam())), disk_(std::get<1>(GetParam())) {
    (void)log::Configure("off", "text");
    std::filesystem::create_directories(place_.path() / "blobs");
  }
  ~PowerCutTest() override { Close(); }

  SyncMode sync() const { return std::get<0>(GetParam()); }
  int Any(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  bool Open() {
    auto blobs =
        OpenFileBlobStore(place_.path() / "blobs", pool_, {.sync = sync(), .files = &disk_});
    auto entries =
        OpenSqliteEntryStore(place_.path() / "reprise.db", {.sync = sync(), .files = &disk_});
    if (!blobs || !entries) return false;
    blobs_ = std::move(*blobs);
    entries_ = std::move(*entries);
    return true;
  }
  void Close() {
    entries_.reset();
    blobs_.reset();
  }

  Task<Result<void>> Put(int number) {
    auto put = co_await blobs_->Put(ShareBytes(BytesOf(number)));
    if (!put) co_return std::unexpected(put.error());
    auto id = co_await entries_->Put(EntryOf(number), SampleVector(number));
    if (!id) co_return std::unexpected(id.error());
    ids_[number] = *id;
    co_return Result<void>();
  }
  Task<Result<void>> Remove(int number) {
    auto removed = co_await entries_->Remove({ids_.at(number)});
    if (!removed) co_return removed;
    co_return co_await blobs_->Remove(Sha256(BytesOf(number)));
  }

  void Change() {
    const int number = Any(kNumbers);
    State& state = states_[number];
    touched_.insert(number);
    const bool there = state == State::kThere;
    state = State::kUnknown;
    const auto done = runner_.Run(there ? Remove(number) : Put(number));
    if (done) state = there ? State::kAbsent : State::kThere;
    if (disk_.has_power()) EXPECT_TRUE(done) << done.error().message;
  }

  void CheckIntegrity() {
    auto connection = SqliteConnection::Open(place_.path() / "reprise.db",
                                             SqliteConnection::Mode::kReadOnly, 1000);
    ASSERT_TRUE(connection) << connection.error().message;
    auto check = connection->Prepare("PRAGMA integrity_check");
    ASSERT_TRUE(check && (*check)->Step());
    EXPECT_EQ((*check)->GetBytes(0), "ok");
    (*check)->Reset();
  }

  // With syncs behind, what was written since the last start may be missing, as a whole.
  void CheckStored() {
    CheckIntegrity();
    std::map<int, bool> whole;  // those with a row
    for (const auto& [entry, vector] : ReadAll(*entries_)) {
      const int number = NumberOf(entry);
      ids_[number] = entry.id;
      const auto bytes = runner_.Run(blobs_->Get(entry.images[0].blob));
      whole[number] = bytes && *bytes;
      if (whole[number]) EXPECT_EQ(***bytes, BytesOf(number)) << "other bytes";
      EXPECT_EQ(vector.values, SampleVector(number).values);
    }
    for (int number = 0; number < kNumbers; ++number) {
      const bool row = whole.contains(number);
      const bool sure = sync() == SyncMode::kBefore || !touched_.contains(number);
      if (sure && row) EXPECT_TRUE(whole[number]) << number << " has a row and no bytes";
      if (sure && states_[number] == State::kThere) EXPECT_TRUE(row) << number << " is lost";
      if (sure && states_[number] == State::kAbsent) EXPECT_FALSE(row) << number << " is back";
      states_[number] = row && whole[number] ? State::kThere : State::kAbsent;
      if (row && !whole[number]) ASSERT_TRUE(runner_.Run(entries_->Remove({ids_.at(number)})));
    }
    touched_.clear();
  }

  static int NumberOf(const Entry& entry) {
    for (int number = 0; number < kNumbers; ++number) {
      if (SampleEntry(number).fingerprint == entry.fingerprint) return number;
    }
    ADD_FAILURE() << "an entry that was never put";
    return 0;
  }

  std::mt19937 random_;
  TemporaryDirectory place_;
  FaultyDisk disk_;
  TaskRunner runner_;
  WorkerPool pool_{2, 1000};
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<EntryStore> entries_;
  std::map<int, State> states_;
  std::map<int, std::uint64_t> ids_;
  std::set<int> touched_;  // since the last check
};

TEST_P(PowerCutTest, LosesNothingThatWasPromised) {
  for (int session = 0; session < kSessions; ++session) {
    SCOPED_TRACE("seed " + std::to_string(std::get<1>(GetParam())) + ", session " +
                 std::to_string(session));
    const bool cut = Any(4) > 0;
    if (cut) disk_.CutPowerAfter(1 + Any(150));
    if (Open()) {
      for (int i = Any(60); i > 0 && disk_.has_power(); --i) Change();
    }
    Close();
    const bool ended_well = disk_.has_power();
    disk_.RestorePower();
    // A graceful end syncs everything.
    if (ended_well) touched_.clear();
    ASSERT_TRUE(Open());
    CheckStored();
    Close();
    disk_.RestorePower();
    if (HasFailure()) return;
  }
}

unsigned Seeds() {
  const char* wanted = std::getenv("REPRISE_POWER_SEEDS");
  return wanted ? static_cast<unsigned>(std::max(1, std::atoi(wanted))) : 10;
}

INSTANTIATE_TEST_SUITE_P(SyncBefore, PowerCutTest,
                         testing::Combine(testing::Values(SyncMode::kBefore),
                                          testing::Range(1u, Seeds() + 1)));
INSTANTIATE_TEST_SUITE_P(SyncBehind, PowerCutTest,
                         testing::Combine(testing::Values(SyncMode::kBehind),
                                          testing::Range(1u, Seeds() + 1)));

}  // namespace
}  // namespace reprise
