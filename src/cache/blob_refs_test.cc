#include "cache/blob_refs.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "cache/cache_testing.h"

namespace reprise {
namespace {

class BlobRefsTest : public testing::Test {
 protected:
  BlobRefsTest() {
    (void)log::Configure("off", "text");
    blobs_ = MakeFaultyBlobStore(*OpenFileBlobStore(directory_.path(), workers_), faults_);
  }
  ~BlobRefsTest() override {
    workers_.Join();
    io_.Stop();
  }

  Task<> AcquireAndPut(SharedBytes bytes) {
    co_await refs_.Acquire(Sha256(*bytes), bytes->size());
    const auto put = co_await blobs_->Put(bytes);
    EXPECT_TRUE(put);
  }
  void Acquire(const std::string& bytes) {
    RunTask(io_.context(), AcquireAndPut(ShareBytes(bytes)));
  }
  void Release(const std::string& bytes) {
    RunTask(io_.context(), refs_.Release(Sha256(bytes), *blobs_));
  }
  bool Stored(const std::string& bytes) {
    const auto found = RunTask(io_.context(), blobs_->Get(Sha256(bytes)));
    return found && found->has_value();
  }

  ScratchDirectory directory_;
  IoThreads io_{2};
  WorkerPool workers_{2, 1000};
  std::shared_ptr<StoreFaults> faults_ = std::make_shared<StoreFaults>();
  std::unique_ptr<BlobStore> blobs_;
  BlobRefs refs_;
};

TEST_F(BlobRefsTest, TheLastReferenceRemovesTheBlob) {
  Acquire("bytes");
  Acquire("bytes");
  refs_.AddLoaded(Sha256("bytes"), 5);
  Release("bytes");
  Release("bytes");
  EXPECT_TRUE(Stored("bytes"));
  Release("bytes");
  EXPECT_FALSE(Stored("bytes"));
  EXPECT_EQ(faults_->removes, 1);
}

TEST_F(BlobRefsTest, BytesAreCountedOnceForAllReferences) {
  EXPECT_EQ(refs_.bytes(), 0u);
  refs_.AddLoaded(Sha256("loaded"), 6);
  Acquire("bytes");
  Acquire("bytes");
  EXPECT_EQ(refs_.bytes(), 11u);
  Release("bytes");
  EXPECT_EQ(refs_.bytes(), 11u);
  Release("bytes");
  Release("bytes");
  EXPECT_EQ(refs_.bytes(), 6u);
}

TEST_F(BlobRefsTest, ReleasingWhatIsNotHeldRemovesNothing) {
  Acquire("bytes");
  Release("others");
  EXPECT_EQ(faults_->removes, 0);
  EXPECT_TRUE(Stored("bytes"));
}

TEST_F(BlobRefsTest, AnAcquisitionWaitsForTheRemovalUnderWay) {
  Acquire("bytes");
  const Gate gate = MakeGate();
  faults_->HoldRemovals(gate);
  std::thread releasing([&] { Release("bytes"); });
  while (faults_->removes == 0) std::this_thread::yield();
  std::thread acquiring([&] { Acquire("bytes"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(faults_->puts, 1) << "stored while it was being removed";
  gate->Set(true);
  releasing.join();
  acquiring.join();
  EXPECT_TRUE(Stored("bytes"));
}

TEST_F(BlobRefsTest, AFailedRemovalDoesNotBlockTheNextAcquisition) {
  Acquire("bytes");
  faults_->remove = true;
  Release("bytes");
  faults_->remove = false;
  Acquire("bytes");
  EXPECT_TRUE(Stored("bytes"));
  Release("bytes");
  EXPECT_FALSE(Stored("bytes"));
}

TEST_F(BlobRefsTest, WhatNothingRefersToIsRemoved) {
  std::atomic<bool> stop = false;
  EXPECT_TRUE(refs_.may_leak());
  for (const char* leak : {"leak", "another", "and more"}) {
    ASSERT_TRUE(RunTask(io_.context(), blobs_->Put(ShareBytes(std::string(leak)))));
  }
  Acquire("bytes");
  EXPECT_EQ(RunTask(io_.context(), refs_.RemoveUnreferenced(*blobs_, stop)), 3u);
  EXPECT_FALSE(Stored("leak"));
  EXPECT_TRUE(Stored("bytes"));
  EXPECT_FALSE(refs_.may_leak());
}

TEST_F(BlobRefsTest, MoreThanACrashLeavesIsNotRemoved) {
  std::atomic<bool> stop = false;
  BlobRefs refs(2);
  for (const char* leak : {"leak", "another", "and more"}) {
    ASSERT_TRUE(RunTask(io_.context(), blobs_->Put(ShareBytes(std::string(leak)))));
  }
  const auto removed = RunTask(io_.context(), refs.RemoveUnreferenced(*blobs_, stop));
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kConflict);
  EXPECT_TRUE(Stored("leak") && Stored("another") && Stored("and more"));
  EXPECT_FALSE(refs.may_leak()) << "once is enough";
}

TEST_F(BlobRefsTest, AFailedRemovalIsMadeUpFor) {
  std::atomic<bool> stop = false;
  ASSERT_EQ(RunTask(io_.context(), refs_.RemoveUnreferenced(*blobs_, stop)), 0u);
  Acquire("bytes");
  faults_->remove = true;
  Release("bytes");
  EXPECT_TRUE(refs_.may_leak());
  EXPECT_FALSE(RunTask(io_.context(), refs_.RemoveUnreferenced(*blobs_, stop)));
  EXPECT_TRUE(refs_.may_leak()) << "nor could this remove it";
  faults_->remove = false;
  EXPECT_EQ(RunTask(io_.context(), refs_.RemoveUnreferenced(*blobs_, stop)), 1u);
  EXPECT_FALSE(Stored("bytes"));
  EXPECT_FALSE(refs_.may_leak());
}

Task<> LookForLeaks(BlobRefs& refs, BlobStore& blobs, int times) {
  const std::atomic<bool> stop = false;
  for (int i = 0; i < times; ++i) EXPECT_TRUE(co_await refs.RemoveUnreferenced(blobs, stop));
}

TEST_F(BlobRefsTest, LookingForLeaksTakesNothingThatIsBeingStored) {
  std::thread looking([&] { RunTask(io_.context(), LookForLeaks(refs_, *blobs_, 20)); });
  for (int i = 0; i < 200; ++i) {
    Acquire("bytes " + std::to_string(i));
    ASSERT_TRUE(Stored("bytes " + std::to_string(i)));
  }
  looking.join();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(Stored("bytes " + std::to_string(i)));
}

TEST_F(BlobRefsTest, StoringAndRemovingTheSameBytesAtOnceNeverLosesThem) {
  for (int round = 0; round < 30; ++round) {
    Acquire("bytes");
    std::thread releasing([&] { Release("bytes"); });
    std::thread acquiring([&] { Acquire("bytes"); });
    releasing.join();
    acquiring.join();
    ASSERT_TRUE(Stored("bytes"));
    Release("bytes");
    ASSERT_FALSE(Stored("bytes"));
  }
}

}  // namespace
}  // namespace reprise
