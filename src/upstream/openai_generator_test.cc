#include "upstream/openai_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/bytes.h"
#include "base/log.h"
#include "http/raw_server_testing.h"

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

class OpenAiGeneratorTest : public ::testing::Test {
 protected:
  OpenAiGeneratorTest() : work_(asio::make_work_guard(context_)) {
    log::Configure("off", "text");
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~OpenAiGeneratorTest() override {
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }

  std::unique_ptr<OpenAiGenerator> Make(const std::string& base_url) {
    OpenAiOptions options{.base_url = base_url, .api_key = kKey};
    options.retry = {.max_attempts = 3, .base = milliseconds(2), .max = milliseconds(4)};
    options.max_image_bytes = 1000;
    return *OpenAiGenerator::Create(options, {client_, workers_, clock_});
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

TEST_F(OpenAiGeneratorTest, SendsTheRequestAndReturnsTheImage) {
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

TEST_F(OpenAiGeneratorTest, TransientFailuresAreRetried) {
  RawServer server({CloseReply(), ErrorReply(500, "server_error"), Images({"pixels"})});
  auto generated = Generate(server, Request());
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 3);
  EXPECT_EQ(server.requests().size(), 3u);
}

}  // namespace
}  // namespace reprise
