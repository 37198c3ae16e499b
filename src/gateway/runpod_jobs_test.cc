#include "gateway/runpod_jobs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

const RunPodJob::Time kJobStart{std::chrono::hours(1)};

RunPodJobPtr Job(std::string id, std::string tenant = "default") {
  return std::make_shared<RunPodJob>(std::move(id), std::move(tenant), "sdxl", true, kJobStart);
}

Answer Images(std::size_t bytes) {
  Reply reply;
  reply.images.push_back({.bytes = ShareBytes(std::string(bytes, 'x')), .name = "n.png"});
  return {.reply = std::move(reply), .decision = {}};
}

std::string StatusOf(const RunPodJob& job, RunPodJob::Time now = kJobStart) {
  return nlohmann::json::parse(job.Write("", now).BodyView())["status"];
}

// Ends the job, as the surface does.
void End(RunPodJobs& jobs, const RunPodJobPtr& job, RunPodJob::Time now, std::size_t bytes = 0) {
  ASSERT_TRUE(job->Finish(Images(bytes), now));
  jobs.NoteEnd(job, now);
}

TEST(RunPodJobTest, GoesThroughItsStates) {
  const auto job = Job("a");
  EXPECT_EQ(StatusOf(*job), "IN_QUEUE");
  EXPECT_TRUE(job->Start(kJobStart + milliseconds(5)));
  EXPECT_EQ(StatusOf(*job), "IN_PROGRESS");
  EXPECT_TRUE(job->Finish(Images(1), kJobStart + milliseconds(25)));
  const auto body =
      nlohmann::json::parse(job->Write("http://here", kJobStart + minutes(1)).BodyView());
  EXPECT_EQ(body["status"], "COMPLETED");
  EXPECT_EQ(body["delayTime"], 5);
  EXPECT_EQ(body["executionTime"], 20);
  EXPECT_EQ(body["output"]["image_url"], "http://here/images/n.png");
}

TEST(RunPodJobTest, WhatCameFirstCounts) {
  const auto cancelled = Job("a");
  EXPECT_TRUE(cancelled->Cancel(kJobStart));
  EXPECT_FALSE(cancelled->Start(kJobStart));
  EXPECT_FALSE(cancelled->Finish(Images(1), kJobStart));
  EXPECT_EQ(StatusOf(*cancelled), "CANCELLED");
  EXPECT_EQ(cancelled->bytes(), 0u);
  const auto failed = Job("b");
  EXPECT_TRUE(
      failed->Finish({.reply = Fail(Code::kUnavailable, "away"), .decision = {}}, kJobStart));
  EXPECT_FALSE(failed->Cancel(kJobStart));
  EXPECT_EQ(StatusOf(*failed), "FAILED");
}

TEST(RunPodJobTest, BelongsToItsTenantAndEndpoint) {
  const auto job = Job("a");
  EXPECT_TRUE(job->BelongsTo("default", "sdxl"));
  EXPECT_FALSE(job->BelongsTo("somebody", "sdxl"));
  EXPECT_FALSE(job->BelongsTo("default", "flux"));
}

TEST(RunPodJobsTest, KeepsAJobForAWhileAfterItsEnd) {
  RunPodJobs jobs;
  const auto job = Job("a");
  ASSERT_TRUE(jobs.Add(job, kJobStart));
  EXPECT_EQ(jobs.Find("a", kJobStart + minutes(1000)), job);  // it has not ended
  End(jobs, job, kJobStart + minutes(1));
  EXPECT_EQ(jobs.Find("a", kJobStart + minutes(30)), job);
  EXPECT_EQ(jobs.Find("a", kJobStart + minutes(31)), nullptr);
  ASSERT_TRUE(jobs.Add(Job("b"), kJobStart + minutes(31)));
  EXPECT_EQ(jobs.size(), 1u);
}

TEST(RunPodJobsTest, TheFirstToEndMakesRoom) {
  RunPodJobs jobs({.jobs = 3});
  const RunPodJobPtr a = Job("a"), b = Job("b"), c = Job("c");
  for (const auto& job : {a, b, c}) ASSERT_TRUE(jobs.Add(job, kJobStart));
  const auto full = jobs.Add(Job("d"), kJobStart);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kOverloaded);
  EXPECT_GT(full.error().retry_after_ms, 0);
  End(jobs, c, kJobStart);
  End(jobs, a, kJobStart);
  ASSERT_TRUE(jobs.Add(Job("d"), kJobStart));
  EXPECT_EQ(jobs.Find("c", kJobStart), nullptr);
  EXPECT_EQ(jobs.Find("a", kJobStart), a);
  EXPECT_EQ(jobs.Find("b", kJobStart), b);
}

TEST(RunPodJobsTest, HoldsOnlySoManyBytes) {
  RunPodJobs jobs({.bytes = 100});
  const RunPodJobPtr a = Job("a"), b = Job("b"), c = Job("c");
  for (const auto& job : {a, b, c}) ASSERT_TRUE(jobs.Add(job, kJobStart));
  End(jobs, a, kJobStart, 60);
  End(jobs, b, kJobStart, 40);
  EXPECT_EQ(jobs.size(), 3u);
  End(jobs, c, kJobStart, 500);  // the newest stays, whatever its size
  EXPECT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs.Find("c", kJobStart), c);
}

TEST(RunPodJobsTest, ATenantWithManyMakesRoomBeforeOthers) {
  RunPodJobs jobs({.jobs = 4, .bytes = 100});
  const RunPodJobPtr small = Job("small", "small");
  ASSERT_TRUE(jobs.Add(small, kJobStart));
  End(jobs, small, kJobStart, 30);
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
    const RunPodJobPtr job = Job(id, "large");
    ASSERT_TRUE(jobs.Add(job, kJobStart));
    End(jobs, job, kJobStart, 60);
    EXPECT_EQ(jobs.Find("small", kJobStart), small);
    EXPECT_EQ(jobs.Find(id, kJobStart), job);
    EXPECT_LE(jobs.size(), 2u) << "one of 60 bytes fits beside the other's 30";
  }
  for (const char* id : {"g", "h", "i", "j"}) {
    ASSERT_TRUE(jobs.Add(Job(id, "large"), kJobStart));
    EXPECT_EQ(jobs.Find("small", kJobStart), std::string(id) == "j" ? nullptr : small) << id;
  }
}

}  // namespace
}  // namespace reprise
