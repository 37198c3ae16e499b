#include <gmock/gmock.h>

#include "upstream/image_api_testing.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr std::size_t kRunPodLimit = 1000;

const std::unique_ptr<ImageApi> kRunPodApi = MakeRunPodApi();

Result<ApiAnswer> ReadOutput(const std::string& output) {
  return kRunPodApi->Read(
      ApiReply(200, R"({"id":"1","status":"COMPLETED","output":)" + output + "}"), kRunPodLimit);
}

TEST(RunPodApi, SendsWhatTheWorkerTakes) {
  EXPECT_EQ(BodyFor(*kRunPodApi, {.model = "sdxl",
                                  .prompt = "a fox",
                                  .width = 768,
                                  .height = 512,
                                  .seed = 5,
                                  .params = R"({"negative_prompt":"snow","num_inference_steps":25,
                                          "quality":"high","prompt":"other"})"}),
            json::parse(R"({"input":{"prompt":"a fox","width":768,"height":512,"seed":5,
                            "negative_prompt":"snow","num_inference_steps":25}})"));
}

TEST(RunPodApi, HoldsTheCallForAsLongAsThereIsPatience) {
  const std::pair<milliseconds, const char*> cases[] = {{milliseconds(10), "/runsync?wait=1000"},
                                                        {milliseconds(31'000), "=30000"},
                                                        {milliseconds(300'000), "=90000"}};
  for (const auto& [patience, wait] : cases) {
    EXPECT_TRUE(kRunPodApi->Compose({.prompt = "p"}, patience)->url.ends_with(wait)) << wait;
  }
}

TEST(RunPodApi, UnfinishedJobsAreAskedAfterAndCancelled) {
  for (const char* status : {"IN_QUEUE", "IN_PROGRESS"}) {
    const auto job = kRunPodApi->PendingJob(
        ApiReply(200, R"({"id":"sync-1-e1","status":")" + std::string(status) + "\"}"));
    ASSERT_TRUE(job) << status;
    EXPECT_EQ(job->ask.method + " " + job->ask.url, "GET /status/sync-1-e1");
    EXPECT_EQ(job->cancel.method + " " + job->cancel.url, "POST /cancel/sync-1-e1");
  }
}

TEST(RunPodApi, NothingElseIsAnUnfinishedJob) {
  for (const char* body : {R"({"id":"1","status":"COMPLETED"})", R"({"status":"IN_QUEUE"})",
                           R"({"id":"../../x?","status":"IN_QUEUE"})", "[]", ""}) {
    EXPECT_FALSE(kRunPodApi->PendingJob(ApiReply(200, body))) << body;
  }
}

TEST(RunPodApi, WorkersOutputsAreReadInEveryShape) {
  for (const char* output :
       {R"("YWJj")", R"("data:image/png;base64,YWJj")", R"(["YWJj"])", R"({"images":["YWJj"]})",
        R"({"image":"YWJj"})", R"({"image_url":"data:image/png;base64,YWJj","seed":1})",
        R"({"message":"YWJj","status":"success"})", R"([{"image":"YWJj"}])",
        R"({"images":[{"filename":"a.png","type":"base64","data":"YWJj"}]})",
        R"({"image_url":"https://x/1.png","images":["YWJj"]})"}) {
    const auto answer = ReadOutput(output);
    ASSERT_TRUE(answer) << output << answer.error().message;
    ASSERT_EQ(answer->images.size(), 1u) << output;
    EXPECT_EQ(answer->images[0].bytes, "abc") << output;
  }
  EXPECT_EQ(ReadOutput(R"({"image_url":"https://x/1.png"})")->images.at(0).link, "https://x/1.png");
  EXPECT_EQ(ReadOutput(R"({"images":["YWJj","ZGVm"]})")->images.size(), 2u);
}

TEST(RunPodApi, OutputsWithoutAnImageAreABadUpstream) {
  for (const char* output :
       {"null", "7", "{}", "[]", R"({"images":[]})", R"("no base64!")", R"({"seed":1})"}) {
    const auto answer = ReadOutput(output);
    ASSERT_FALSE(answer) << output;
    EXPECT_EQ(answer.error().code, Code::kBadUpstream) << output;
  }
}

TEST(RunPodApi, FailedJobsSayWhy) {
  const std::tuple<const char*, Code, const char*> cases[] = {
      {R"({"status":"FAILED","error":"CUDA out of memory"})", Code::kBadUpstream, "CUDA"},
      {R"({"status":"FAILED","error":"NSFW content detected"})", Code::kForbidden, "NSFW"},
      {R"({"status":"FAILED","error":"{\"error_type\":\"E\",\"error_message\":\"bad seed\",
           \"error_traceback\":\"at line 1\"}"})",
       Code::kBadUpstream, "bad seed"},
      {R"({"status":"TIMED_OUT"})", Code::kBadUpstream, "TIMED_OUT"},
      {R"({"status":"CANCELLED"})", Code::kBadUpstream, "CANCELLED"},
      {R"({"status":"COMPLETED","output":{"error":"no such model"}})", Code::kBadUpstream,
       "no such model"},
      {R"({"ok":true})", Code::kBadUpstream, "no RunPod job"}};
  for (const auto& [body, code, message] : cases) {
    const auto answer = kRunPodApi->Read(ApiReply(200, body), kRunPodLimit);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, code) << body;
    EXPECT_THAT(answer.error().message, HasSubstr(message));
  }
}

TEST(RunPodApi, HasNoAddressOfItsOwn) {
  http::Client client;
  WorkerPool workers(1, 1);
  SystemClock clock;
  const auto made =
      MakeUpstream({.kind = UpstreamKind::kRunPod, .name = "gpu"}, {client, workers, clock});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalidArgument);
  EXPECT_THAT(made.error().message, HasSubstr("https://api.runpod.ai/v2/ENDPOINT"));
}

}  // namespace
}  // namespace reprise
