// A part that fails costs a request that part only: what the upstream gives is always served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "cache/cache_testing.h"
#include "cache/image_cache.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ImageCacheFaultTest, AFailedNoCacheKeepsWhatIsStored) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  cache.upstream->SetAnswer([](const auto&) { return Fail(Code::kForbidden, "refused"); });
  const auto again = With(Ask(kFox), [](auto& r) { r.control.no_cache = true; });
  EXPECT_EQ(Kind(cache.Handle(again)), "error: forbidden");
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(first));
}

TEST(ImageCacheFaultTest, GarbageNothingAndErrorsAreNeverStored) {
  TestCache cache;
  const std::string whole = UniqueImage(32, 32);
  const std::vector<std::string> bad = {"", "<html></html>", whole.substr(0, whole.size() / 2)};
  for (const std::string& bytes : bad) {
    cache.upstream->SetAnswer([&](const auto&) -> Result<Generated> {
      return Generated{.images = {{ShareBytes(bytes), ""}}, .usage = "", .attempts = 1};
    });
    EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: bad_upstream");
  }
  cache.upstream->SetAnswer([](const auto&) -> Result<Generated> { return Generated{}; });
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: bad_upstream");
  for (const Code code : {Code::kForbidden, Code::kRateLimited, Code::kUnavailable}) {
    cache.upstream->SetAnswer([&](const auto&) { return Fail(code, "no"); });
    EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: " + std::string(CodeName(code)));
  }
  EXPECT_THAT(cache.Rows(), IsEmpty());
  EXPECT_THAT(cache.BlobFiles(), IsEmpty());
  cache.upstream->SetAnswer(UpstreamScript::Draw);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
}

TEST(ImageCacheFaultTest, WhenStoringFailsTheImageIsServedAndMadeAgain) {
  TestCache cache;
  for (auto* faults : {cache.blob_faults.get(), cache.entry_faults.get()}) {
    faults->put = true;
    for (int i = 0; i < 2; ++i) {
      const Answer answer =
          cache.Handle(With(Ask(kFox), [](auto& r) { r.delivery.bytes = false; }));
      EXPECT_EQ(Kind(answer), "MISS");
      EXPECT_FALSE(answer.decision.stored);
      EXPECT_EQ(answer.reply->images[0].name, "");
      EXPECT_NE(answer.reply->images[0].bytes, nullptr);
    }
    faults->put = false;
    EXPECT_THAT(cache.BlobFiles(), IsEmpty());
    EXPECT_THAT(cache.Rows(), IsEmpty());
  }
  EXPECT_EQ(cache.calls(), 4);
  EXPECT_EQ(cache.cache().Stats()["degraded"], 4);
}

TEST(ImageCacheFaultTest, WhenEmbeddingFailsExactMatchingGoesOn) {
  TestCache cache;
  cache.embedder_faults->embed = true;
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "MISS");
  cache.embedder_faults->embed = false;
  cache.Reopen();
  cache.WaitUntilIdle();
  EXPECT_EQ(Kind(cache.Handle(Ask("A red fox in the snow."))), "HIT SEMANTIC");
}

CacheSettings Cold() {
  CacheSettings settings;
  settings.hot_bytes = 0;
  return settings;
}

TEST(ImageCacheFaultTest, DamagedAndMissingBlobsAreMissesAndMadeAgain) {
  TestCache cache(Cold());
  const Answer first = cache.Handle(Ask(kFox));
  std::ofstream(cache.BlobFiles()[0], std::ios::trunc) << "damage";
  const Answer second = cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(second), "MISS");
  EXPECT_NE(AnswerBytes(second), AnswerBytes(first));
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(second));
  std::filesystem::remove(cache.BlobFiles()[0]);
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "MISS");
  EXPECT_EQ(cache.calls(), 3);
}

TEST(ImageCacheFaultTest, OneDamagedImageOfAPoolLeavesTheOthersExactHits) {
  TestCache cache(Cold());
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.count = 2; }));
  std::filesystem::remove(cache.BlobFiles()[0]);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(cache.calls(), 1);
  EXPECT_THAT(cache.Rows()[0].images, SizeIs(1));
}

TEST(ImageCacheFaultTest, WhileBlobsCannotBeReadRequestsStillShareOneGeneration) {
  TestCache cache(Cold());
  const Answer first = cache.Handle(Ask(kFox));
  cache.blob_faults->get = true;
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  std::vector<std::future<Answer>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(cache.Start(Ask(kFox)));
  while (cache.blob_faults->gets < 20) std::this_thread::yield();
  gate->Set(true);
  for (auto& future : waiting) EXPECT_TRUE(future.get().reply);
  EXPECT_LE(cache.calls(), 3);
  cache.blob_faults->get = false;
  std::set<std::string> pool;
  for (int i = 0; i < 4; ++i) pool.insert(AnswerBytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_TRUE(pool.contains(AnswerBytes(first)[0])) << "nothing was lost";
}

TEST(ImageCacheFaultTest, WhatFailsToReachTheDiskIsCountedAndServed) {
  const auto disk = std::make_shared<FaultyDisk>(1);
  TestCache cache({}, disk);
  const auto errors = [&] { return cache.cache().Stats()["storage"]["sync_errors"].get<int>(); };
  cache.Handle(Ask(kBlueFox));  // with which SQLite begins, and syncs, its journal
  EXPECT_EQ(errors(), 0);
  disk->Fail(FaultyDisk::Operation::kSync, FaultyDisk::Fault::kIo);
  EXPECT_TRUE(cache.Handle(Ask(kFox)).decision.stored);
  while (errors() == 0) std::this_thread::sleep_for(milliseconds(5));
  disk->Heal();
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
}

TEST(ImageCacheFaultTest, ADeadlineEndsTheWaitAndTheImageIsKept) {
  CacheSettings settings;
  settings.request_timeout = milliseconds(50);
  TestCache cache(settings);
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: deadline_exceeded");
  EXPECT_EQ(cache.cache().generations_under_way(), 1u);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: deadline_exceeded");
  gate->Set(true);
  cache.WaitUntilIdle();
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(cache.calls(), 1);
}

}  // namespace
}  // namespace reprise
