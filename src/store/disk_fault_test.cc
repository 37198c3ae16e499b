// Every operation on the disk fails once, at every point in turn: the caller gets an error or what
// it asked for, what was acknowledged stays, and all works again when the disk does.
#include <gtest/gtest.h>

#include <map>

#include "base/log.h"
#include "store/blob_store.h"
#include "store/entry_store_testing.h"
#include "store/faulty_disk_testing.h"

namespace reprise {
namespace {

using Operation = FaultyDisk::Operation;
using Fault = FaultyDisk::Fault;

struct FaultCase {
  Operation operation;
  Fault fault;
  const char* name;
};

std::string FaultBytes(int number) {
  return std::string(20'000, 'b') + std::to_string(number);
}

class DiskFaultTest : public testing::TestWithParam<FaultCase> {
 protected:
  DiskFaultTest() { (void)log::Configure("off", "text"); }
  ~DiskFaultTest() override { Close(); }

  void Open() {
    auto blobs = OpenFileBlobStore(place_->path() / "blobs", pool_,
                                   {.sync = SyncMode::kBefore, .files = &disk_});
    auto entries = OpenSqliteEntryStore(place_->path() / "reprise.db",
                                        {.sync = SyncMode::kBefore, .files = &disk_});
    ASSERT_TRUE(blobs && entries);
    blobs_ = std::move(*blobs);
    entries_ = std::move(*entries);
  }
  void Close() {
    entries_.reset();
    blobs_.reset();
  }
  void StartAnew() {
    Close();
    place_ = std::make_unique<TemporaryDirectory>();
    rows_.clear();
    Open();
  }

  Task<Result<void>> Put(int number) {
    auto put = co_await blobs_->Put(ShareBytes(FaultBytes(number)));
    if (!put) co_return std::unexpected(put.error());
    Entry entry = SampleEntry(number);
    entry.images[0].blob = *put;
    auto id = co_await entries_->Put(std::move(entry), SampleVector(number));
    if (!id) co_return std::unexpected(id.error());
    rows_[number] = *id;
    co_return Result<void>();
  }
  Task<Result<void>> Remove(int number) {
    auto removed = co_await entries_->Remove({rows_.at(number)});
    if (!removed) co_return removed;
    rows_.erase(number);
    co_return co_await blobs_->Remove(Sha256(FaultBytes(number)));
  }

  static void ExpectClear(const Result<void>& done) {
    if (done) return;
    EXPECT_EQ(done.error().code, Code::kUnavailable) << done.error().message;
    EXPECT_GT(done.error().message.size(), 20u);
  }

  // Gives the bytes, or an error: never others, and "not there" only for what was not put.
  void ExpectBytes(int number) {
    const auto got = runner_.Run(blobs_->Get(Sha256(FaultBytes(number))));
    if (!got) return;
    ASSERT_TRUE(*got) << "a blob that is there was not found";
    EXPECT_EQ(***got, FaultBytes(number));
  }

  void ExpectAllThere() {
    std::size_t found = 0;
    for (const auto& [entry, vector] : ReadAll(*entries_)) {
      for (const auto& [number, id] : rows_) {
        if (id != entry.id) continue;
        ++found;
        const auto bytes = runner_.Run(blobs_->Get(entry.images[0].blob));
        ASSERT_TRUE(bytes && *bytes) << number;
        EXPECT_EQ(***bytes, FaultBytes(number));
      }
    }
    EXPECT_EQ(found, rows_.size());
  }

  // One fault after so many operations. False: it did not come to it.
  bool StrikeAfter(int operations) {
    StartAnew();
    for (int number : {1, 2}) EXPECT_TRUE(runner_.Run(Put(number)));
    disk_.Fail(GetParam().operation, GetParam().fault, operations, 1);
    const int before = disk_.failed();
    ExpectClear(runner_.Run(Put(3)));
    ExpectBytes(1);
    ExpectClear(runner_.Run(Remove(2)));
    ExpectClear(runner_.Run(Put(4)));
    ExpectClear(runner_.Run(blobs_->Probe()));
    ExpectClear(runner_.Run(entries_->Probe()));
    const bool struck = disk_.failed() > before;
    disk_.Heal();
    for (int number : {5, 6}) {
      const auto put = runner_.Run(Put(number));
      EXPECT_TRUE(put) << "it does not recover: " << put.error().message;
    }
    ExpectAllThere();
    Close();
    Open();
    ExpectAllThere();
    return struck;
  }

  FaultyDisk disk_{1};
  std::unique_ptr<TemporaryDirectory> place_ = std::make_unique<TemporaryDirectory>();
  TaskRunner runner_;
  WorkerPool pool_{2, 1000};
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<EntryStore> entries_;
  std::map<int, std::uint64_t> rows_;
};

TEST_P(DiskFaultTest, StrikesAnywhereAndNothingIsLost) {
  int operations = 0;
  for (; StrikeAfter(operations) && !HasFailure(); ++operations) {
  }
  EXPECT_GT(operations, 0) << "the fault never struck";
}

TEST_P(DiskFaultTest, LastsAndPasses) {
  StartAnew();
  for (int number : {1, 2}) ASSERT_TRUE(runner_.Run(Put(number)));
  disk_.Fail(GetParam().operation, GetParam().fault);
  for (int number = 3; number < 10; ++number) ExpectClear(runner_.Run(Put(number)));
  ExpectBytes(1);
  disk_.Heal();
  for (int number = 3; number < 10; ++number) {
    if (!rows_.contains(number)) ASSERT_TRUE(runner_.Run(Put(number)));
  }
  ExpectAllThere();
  Close();
  Open();
  ExpectAllThere();
}

INSTANTIATE_TEST_SUITE_P(Faults, DiskFaultTest,
                         testing::Values(FaultCase{Operation::kWrite, Fault::kFull, "Full"},
                                         FaultCase{Operation::kWrite, Fault::kIo, "WriteError"},
                                         FaultCase{Operation::kSync, Fault::kIo, "SyncError"},
                                         FaultCase{Operation::kName, Fault::kIo, "NameError"},
                                         FaultCase{Operation::kRead, Fault::kIo, "ReadError"}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace reprise
