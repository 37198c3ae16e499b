#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/bytes.h"
#include "base/log.h"
#include "http/raw_server_testing.h"
#include "upstream/upstream.h"

namespace reprise {
namespace {

using http::CloseReply;
using http::HangReply;
using http::HttpReply;
using http::JsonReply;
using http::RawReply;
using http::RawServer;
using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] = "sk-secret-0123456789";

RawReply Images(const std::vector<std::string>& images, const std::string& more = "") {
  std::string data;
  for (const std::string& image : images) {
    data += std::string(data.empty() ? "" : ",") + R"({"b64_json":")" + Base64Encode(image) + "\"}";
  }
  return JsonReply(200, R"({"created":1,"data":[)" + data + "]" + more + "}");
}

RawReply ErrorReply(int status, const std::string& code, const std::string& headers = "") {
  return JsonReply(
      status,
      R"({"error":{"message":"it said no","type":"some_error","param":"prompt","code":")" + code +
          "\"}}",
      headers);
}

json BodyOf(const std::string& request) {
  return json::parse(request.substr(request.find("\r\n\r\n") + 4));
}

class ApiGeneratorTest : public ::testing::Test {
 protected:
  ApiGeneratorTest() : work_(asio::make_work_guard(context_)) {
    log::Configure("off", "text");
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~ApiGeneratorTest() override {
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }

  std::unique_ptr<ImageGenerator> Make(const std::string& base_url,
                                       UpstreamKind kind = UpstreamKind::kOpenAi) {
    UpstreamOptions options{.kind = kind, .base_url = base_url, .api_key = kKey};
    options.retry = {.max_attempts = 3, .base = milliseconds(2), .max = milliseconds(4)};
    options.max_image_bytes = 1000;
    return *MakeUpstream(options, {client_, workers_, clock_});
  }
  Result<Generated> Generate(const RawServer& server, GenerateRequest request) {
    return RunTask(context_, Make(server.Url("/v1"))->Generate(std::move(request)));
  }
  static GenerateRequest Request(int count = 1, const std::string& model = "gpt-image-1") {
    return {.model = model,
            .prompt = "a cat",
            .count = count,
            .deadline = After(std::chrono::seconds(60))};
  }

  asio::io_context context_;
  http::Client client_;
  WorkerPool workers_{1, 16};
  SystemClock clock_;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

TEST_F(ApiGeneratorTest, SendsTheRequestAndReturnsTheImage) {
  RawServer server({Images({"pixels"}, R"(,"usage":{"total_tokens":7})")});
  auto generated = Generate(server, Request());
  ASSERT_TRUE(generated) << generated.error().message;
  ASSERT_EQ(generated->images.size(), 1u);
  EXPECT_EQ(*generated->images[0].bytes, "pixels");
  EXPECT_EQ(generated->usage, R"({"total_tokens":7})");
  EXPECT_EQ(generated->attempts, 1);
  const std::string sent = server.requests().at(0);
  EXPECT_THAT(sent, HasSubstr("POST /v1/images/generations HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr(std::string("Authorization: Bearer ") + kKey + "\r\n"));
  EXPECT_THAT(sent, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(BodyOf(sent), json::parse(R"({"model":"gpt-image-1","prompt":"a cat","n":1})"));
}

TEST_F(ApiGeneratorTest, TransientFailuresAreRetried) {
  RawServer server({CloseReply(), ErrorReply(500, "server_error"), Images({"pixels"})});
  auto generated = Generate(server, Request());
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 3);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ApiGeneratorTest, RetriesEndWithTheLastError) {
  RawServer server({ErrorReply(503, "overloaded")});
  auto generated = Generate(server, Request());
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kUnavailable);
  EXPECT_EQ(generated.error().upstream_status, 503);
  EXPECT_EQ(generated.error().upstream, "overloaded");
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ApiGeneratorTest, LastingFailuresAreNotRetried) {
  const std::tuple<int, std::string, Code> cases[] = {
      {400, "invalid_size", Code::kInvalidArgument},
      {400, "content_policy_violation", Code::kForbidden},
      {401, "invalid_api_key", Code::kBadUpstream},
      {403, "not_allowed", Code::kForbidden},
      {404, "model_not_found", Code::kNotFound},
      {429, "insufficient_quota", Code::kRateLimited}};
  for (const auto& [status, code, expected] : cases) {
    RawServer server({ErrorReply(status, code)});
    auto generated = Generate(server, Request());
    ASSERT_FALSE(generated) << code;
    EXPECT_EQ(generated.error().code, expected) << code;
    EXPECT_EQ(generated.error().upstream, code);
    EXPECT_EQ(server.requests().size(), 1u) << code;
  }
}

TEST_F(ApiGeneratorTest, TheUpstreamCanForbidRetries) {
  RawServer server({ErrorReply(500, "server_error", "X-Should-Retry: false\r\n")});
  EXPECT_FALSE(Generate(server, Request()));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ApiGeneratorTest, UnusableAnswersAreNotPaidForTwice) {
  const std::vector<RawReply> answers = {
      HttpReply(200, "<html>sign in</html>", "Content-Type: text/html\r\n"),
      JsonReply(200, R"({"data":[]})"), JsonReply(200, R"({"data":[{"b64_json":"!!!!"}]})"),
      JsonReply(200, R"({"object":"list"})")};
  for (const RawReply& answer : answers) {
    RawServer server({answer});
    auto generated = Generate(server, Request());
    ASSERT_FALSE(generated) << answer.bytes;
    EXPECT_EQ(generated.error().code, Code::kBadUpstream) << answer.bytes;
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST_F(ApiGeneratorTest, RetryAfterIsHonoured) {
  RawServer server(
      {ErrorReply(429, "rate_limit_exceeded", "Retry-After: 0.05\r\n"), Images({"pixels"})});
  const auto start = std::chrono::steady_clock::now();
  auto generated = Generate(server, Request());
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(50));
}

TEST_F(ApiGeneratorTest, AnAdvisedWaitBeyondTheDeadlineGivesUpAtOnce) {
  for (int status : {429, 503}) {
    RawServer server({ErrorReply(status, "busy", "Retry-After: 3600\r\n")});
    auto generated = Generate(server, Request());
    ASSERT_FALSE(generated);
    EXPECT_EQ(generated.error().code, Code::kRateLimited);
    EXPECT_EQ(generated.error().retry_after_ms, 3'600'000);
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST_F(ApiGeneratorTest, TheDeadlineEndsAHangingCall) {
  RawServer server({HangReply()});
  GenerateRequest request = Request();
  request.deadline = After(milliseconds(60));
  auto generated = Generate(server, std::move(request));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ApiGeneratorTest, AHangingAttemptIsFollowedByAnother) {
  RawServer server({HangReply(), Images({"pixels"})});
  UpstreamOptions options{.base_url = server.Url("/v1"), .request_timeout = milliseconds(250)};
  options.retry.base = milliseconds(1);
  auto generator = *MakeUpstream(options, {client_, workers_, clock_});
  auto generated = RunTask(context_, generator->Generate(Request()));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 2);
}

TEST_F(ApiGeneratorTest, APassedDeadlineSendsNothing) {
  RawServer server({Images({"pixels"})});
  GenerateRequest request = Request();
  request.deadline = After(milliseconds(-1));
  auto generated = Generate(server, std::move(request));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kDeadlineExceeded);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ApiGeneratorTest, ARefusedConnectionIsUnavailable) {
  http::RefusingPort port;
  auto generated = RunTask(context_, Make(port.Url("/v1"))->Generate(Request()));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kUnavailable);
}

TEST_F(ApiGeneratorTest, SeveralImagesComeFromOneCallWhereThatIsPossible) {
  RawServer server({Images({"one", "two", "three", "four"})});
  auto generated = Generate(server, Request(3));
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->images.size(), 3u);
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(BodyOf(server.requests()[0])["n"], 3);
}

TEST_F(ApiGeneratorTest, FewerImagesThanAskedForAreStillImages) {
  RawServer server({Images({"only"})});
  auto generated = Generate(server, Request(3));
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->images.size(), 1u);
}

TEST_F(ApiGeneratorTest, DallE3IsAskedInParallel) {
  RawServer server({Images({"pixels"}, R"(,"usage":{"total_tokens":2,"details":{"text":1}})")});
  auto generated = Generate(server, Request(4, "dall-e-3"));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->images.size(), 4u);
  EXPECT_EQ(generated->attempts, 4);
  EXPECT_EQ(json::parse(generated->usage),
            json::parse(R"({"total_tokens":8,"details":{"text":4}})"));
  for (const std::string& request : server.requests()) EXPECT_EQ(BodyOf(request)["n"], 1);
}

// A call that waited for the one before it would find its connection free and reuse it.
TEST_F(ApiGeneratorTest, ParallelCallsDoNotWaitForEachOther) {
  RawReply slow = Images({"pixels"});
  slow.delay = milliseconds(250);
  RawServer server({slow});
  ASSERT_TRUE(Generate(server, Request(4, "dall-e-3")));
  EXPECT_EQ(server.connections(), 4);
}

TEST_F(ApiGeneratorTest, SomeFailingParallelCallsMeanFewerImages) {
  RawServer server({Images({"one"}), ErrorReply(400, "content_policy_violation"), Images({"two"})});
  auto generated = Generate(server, Request(3, "dall-e-3"));
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->images.size(), 2u);
}

TEST_F(ApiGeneratorTest, AnImageCostsTheMeanOfWhatParallelCallsBill) {
  const auto billed = [](const std::string& usage) {
    return JsonReply(200, R"({"choices":[{"message":{"images":[{"image_url":{
        "url":"data:image/png;base64,YWJj"}}]}}],"usage":)" +
                              usage + "}");
  };
  const auto cost = [&](const std::string& first, const std::string& second) {
    RawServer server({billed(first), billed(second)});
    const auto generated =
        RunTask(context_, Make(server.Url("/v1"), UpstreamKind::kChat)->Generate(Request(2)));
    EXPECT_TRUE(generated) << generated.error().message;
    return generated ? generated->image_usd : std::nullopt;
  };
  EXPECT_DOUBLE_EQ(cost(R"({"cost":0.02})", R"({"cost":0.04})").value_or(-1), 0.03);
  EXPECT_EQ(cost(R"({"cost":0.02})", "{}"), std::nullopt) << "not every call told";
}

TEST_F(ApiGeneratorTest, AllFailingParallelCallsAreAFailure) {
  RawServer server({ErrorReply(400, "content_policy_violation")});
  auto generated = Generate(server, Request(3, "dall-e-3"));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kForbidden);
}

TEST_F(ApiGeneratorTest, ImpossibleCountsAndParametersAreRefused) {
  RawServer server({Images({"pixels"})});
  GenerateRequest odd = Request();
  odd.params = "[]";
  for (const GenerateRequest& request : {Request(0), Request(-1), odd}) {
    auto generated = Generate(server, request);
    ASSERT_FALSE(generated);
    EXPECT_EQ(generated.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ApiGeneratorTest, AFullWorkerQueueDoesNotLoseAPaidImage) {
  RawServer server({Images({"pixels"})});
  WorkerPool full(1, 0);
  auto generator = *MakeUpstream({.base_url = server.Url("/v1")}, {client_, full, clock_});
  auto generated = RunTask(context_, generator->Generate(Request()));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(*generated->images.at(0).bytes, "pixels");
  EXPECT_THAT(server.requests().at(0), Not(HasSubstr("Authorization")));
}

TEST_F(ApiGeneratorTest, TheKeyIsInNoMessage) {
  const std::string echo = std::string(R"({"error":{"message":"bad )") + kKey + R"(","code":")" +
                           kKey + R"(","param":")" + kKey + "\"}}";
  for (int status : {400, 401, 403, 404, 429, 500, 302}) {
    RawServer server({JsonReply(status, echo)});
    auto generated = Generate(server, Request());
    ASSERT_FALSE(generated);
    const Error& error = generated.error();
    EXPECT_THAT(error.message + error.param + error.upstream, Not(HasSubstr(kKey))) << status;
  }
  RawServer plain({HttpReply(200, kKey)});
  EXPECT_THAT(Generate(plain, Request()).error().message, Not(HasSubstr(kKey)));
  RawServer closing({CloseReply()});
  EXPECT_THAT(Generate(closing, Request()).error().message, Not(HasSubstr(kKey)));
}

TEST_F(ApiGeneratorTest, UnusableOptionsAreRefused) {
  for (const char* url : {"openai", "ftp://host/v1", "https://host/v1?version=1"}) {
    auto generator = MakeUpstream({.base_url = url}, {client_, workers_, clock_});
    ASSERT_FALSE(generator) << url;
    EXPECT_EQ(generator.error().code, Code::kInvalidArgument);
  }
  auto broken = MakeUpstream({.api_key = "sk-secret\n"}, {client_, workers_, clock_});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, Not(HasSubstr("secret")));
}

TEST_F(ApiGeneratorTest, ProbeAsksForTheModels) {
  RawServer server({JsonReply(200, R"({"data":[]})")});
  EXPECT_TRUE(RunTask(context_, Make(server.Url("/v1/"))->Probe()));
  EXPECT_THAT(server.requests().at(0), HasSubstr("GET /v1/models HTTP/1.1\r\n"));
}

TEST_F(ApiGeneratorTest, ProbeSaysWhatIsWrong) {
  RawServer refusing({ErrorReply(401, "invalid_api_key")});
  auto refused = RunTask(context_, Make(refusing.Url("/v1"))->Probe());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBadUpstream);
  EXPECT_THAT(refused.error().message, HasSubstr("refuses the gateway's own API key"));
  RawServer failing({ErrorReply(500, "down")});
  EXPECT_FALSE(RunTask(context_, Make(failing.Url("/v1"))->Probe()));
  EXPECT_EQ(failing.requests().size(), 1u);
}

}  // namespace
}  // namespace reprise
