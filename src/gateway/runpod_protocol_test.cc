#include "gateway/runpod_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

Result<ImageCall> ReadJob(const std::string& body, std::string_view endpoint = "sdxl") {
  http::Request request;
  request.body = body;
  return ReadRunPod(request, endpoint, {});
}

TEST(ReadRunPod, FillsInWhatIsLeftOut) {
  const auto call = ReadJob(R"({"input": {"prompt": "a fox"}})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.model, "sdxl");
  EXPECT_EQ(call->request.prompt, "a fox");
  EXPECT_EQ(call->request.count, 1);
  EXPECT_TRUE(call->request.size.automatic());
  EXPECT_TRUE(call->as_url);
  EXPECT_EQ(call->request.params, "{}");
}

TEST(ReadRunPod, ReadsEveryParameter) {
  const auto call = ReadJob(R"({"input": {"prompt": "a fox", "width": 768, "height": 512, "seed": 7,
      "num_images": 2, "negative_prompt": "hats", "num_inference_steps": 30, "tags": ["a"],
      "response_format": "b64_json", "cache": {"ttl": 5}}, "policy": {"ttl": 1000}})");
  ASSERT_TRUE(call) << call.error().message;
  const ImageRequest& request = call->request;
  EXPECT_EQ(request.size, (ImageSize{768, 512}));
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.count, 2);
  EXPECT_THAT(request.tags, ElementsAre("a"));
  EXPECT_EQ(request.control.ttl_ms, 5000);
  EXPECT_FALSE(call->as_url);
  EXPECT_TRUE(request.delivery.bytes);
  EXPECT_EQ(request.params, R"({"negative_prompt":"hats","num_inference_steps":30})");
}

TEST(ReadRunPod, TakesWhatWorkersTake) {
  EXPECT_EQ(ReadJob(R"({"input": {"prompt": "a", "batch_size": 3}})")->request.count, 3);
  EXPECT_EQ(ReadJob(R"({"input": {"prompt": "a", "num_outputs": 3}})")->request.count, 3);
  EXPECT_EQ(ReadJob(R"({"input": {"prompt": "a", "width": 512}})")->request.size,
            (ImageSize{512, 1024}));
  EXPECT_TRUE(ReadJob(R"({"input": {"prompt": "a", "seed": -1}})")->request.fresh_seed);
  EXPECT_EQ(
      ReadJob(R"({"input": {"prompt": "a", "negative_prompt": "", "seed": null}})")->request.params,
      "{}");
  EXPECT_TRUE(ReadJob(R"({"input": {"prompt": "a"}, "webhook": null})"));
}

TEST(ReadRunPod, RefusesWhatItCannotRead) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({})", "input"},
      {R"({"input": "a fox"})", "input"},
      {R"({"input": {}})", "prompt"},
      {R"({"input": {"prompt": "a", "width": 1}})", "width"},
      {R"({"input": {"prompt": "a", "num_images": 11}})", "num_images"},
      {R"({"input": {"prompt": "a", "n": 1, "num_images": 1}})", "num_images"},
      {R"({"input": {"prompt": "a", "model": "other"}})", "model"},
      {R"({"input": {"prompt": "a"}, "webhook": "http://a.example"})", "webhook"},
  };
  for (const auto& [body, param] : wrong) {
    const auto call = ReadJob(body);
    ASSERT_FALSE(call) << body;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << body;
    EXPECT_EQ(call.error().param, param) << body;
  }
  EXPECT_FALSE(ReadJob(R"({"input": {"prompt": "a"}})", "\xff"));
}

TEST(ReadWait, HasADefaultAndLimits) {
  EXPECT_EQ(ReadWait("").value(), milliseconds(90'000));
  EXPECT_EQ(ReadWait("a=1&wait=2000&b=2").value(), milliseconds(2000));
  for (const char* query : {"wait=", "wait=999", "wait=300001", "wait=2s", "wait=-1"}) {
    ASSERT_FALSE(ReadWait(query)) << query;
    EXPECT_EQ(ReadWait(query).error().param, "wait");
  }
}

Answer Completed() {
  Reply reply{
      .images = {{.bytes = ShareBytes("PNG"), .name = "0123.png", .media_type = "image/png"},
                 {.bytes = ShareBytes("PNG"), .name = "", .media_type = "image/png"}},
      .usage = {},
      .created_ms = 0};
  return {.reply = std::move(reply),
          .decision = {.outcome = Outcome::kHit, .type = HitType::kExact, .entry = 4}};
}

TEST(WriteRunPodJob, HasTheShapesOfTheService) {
  const http::Response queued = WriteRunPodJob({.id = "x"}, "");
  EXPECT_EQ(queued.BodyView(), R"({"id":"x","status":"IN_QUEUE"})");
  const http::Response working = WriteRunPodJob(
      {.id = "x", .status = RunPodStatus::kInProgress, .delay = milliseconds(3)}, "");
  EXPECT_EQ(working.BodyView(), R"({"delayTime":3,"id":"x","status":"IN_PROGRESS"})");
  EXPECT_THAT(working.headers, Not(Contains(Key("X-Cache"))));
}

TEST(WriteRunPodJob, GivesLinksAndTheDecision) {
  const Answer answer = Completed();
  const http::Response done = WriteRunPodJob({.id = "x",
                                              .status = RunPodStatus::kCompleted,
                                              .delay = milliseconds(3),
                                              .execution = milliseconds(40),
                                              .answer = &answer},
                                             "http://here");
  EXPECT_EQ(json::parse(done.BodyView()), json::parse(R"({"id": "x", "status": "COMPLETED",
      "delayTime": 3, "executionTime": 40, "output": {"image_url": "http://here/images/0123.png",
      "images": ["http://here/images/0123.png", "data:image/png;base64,UE5H"]}})"));
  EXPECT_THAT(done.headers, Contains(Pair("X-Cache", "HIT")));
  EXPECT_THAT(done.headers, Contains(Pair("X-Reprise-Entry", "4")));
}

TEST(WriteRunPodJob, GivesDataWhereAskedTo) {
  const Answer answer = Completed();
  const http::Response done = WriteRunPodJob(
      {.id = "x", .status = RunPodStatus::kCompleted, .answer = &answer, .as_url = false}, "");
  const json output = json::parse(done.BodyView())["output"];
  EXPECT_EQ(output["image_url"], "data:image/png;base64,UE5H");
  EXPECT_EQ(output["images"].size(), 2u);
}

TEST(WriteRunPodJob, AFailedJobIsAnAnswer) {
  const Answer answer{.reply = Fail(Code::kForbidden, "refused"), .decision = {.reason = "new"}};
  const http::Response failed =
      WriteRunPodJob({.id = "x", .status = RunPodStatus::kFailed, .answer = &answer}, "");
  EXPECT_EQ(failed.status, 200);
  EXPECT_EQ(json::parse(failed.BodyView())["error"], "refused");
  EXPECT_THAT(failed.headers, Contains(Pair("X-Reprise-Reason", "new")));
}

}  // namespace
}  // namespace reprise
