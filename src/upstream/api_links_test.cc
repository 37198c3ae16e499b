// Images that an upstream's answer links to instead of containing them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "http/raw_server_testing.h"
#include "upstream/openai_generator.h"

namespace reprise {
namespace {

using http::HttpReply;
using http::JsonReply;
using http::RawReply;
using http::RawServer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] = "sk-secret-0123456789";

RawReply Links(const std::vector<std::string>& links) {
  std::string data;
  for (const std::string& link : links) {
    data += std::string(data.empty() ? "" : ",") + R"({"url":")" + link + "\"}";
  }
  return JsonReply(200, R"({"data":[)" + data + "]}");
}

class OpenAiLinksTest : public ::testing::Test {
 protected:
  OpenAiLinksTest() : work_(asio::make_work_guard(context_)) {
    log::Configure("off", "text");
    thread_ = std::thread([this] { context_.run(); });
  }
  ~OpenAiLinksTest() override {
    work_.reset();
    thread_.join();
  }

  Result<Generated> Generate(const RawServer& api) {
    OpenAiOptions options{.base_url = api.Url("/v1"), .api_key = kKey};
    options.retry = {.max_attempts = 3, .base = milliseconds(2), .max = milliseconds(4)};
    options.max_image_bytes = 1000;
    auto generator = *OpenAiGenerator::Create(options, {client_, workers_, clock_});
    return RunTask(context_, generator->Generate({.model = "gpt-image-1",
                                                  .prompt = "a cat",
                                                  .count = 4,
                                                  .deadline = After(std::chrono::seconds(60))}));
  }

  asio::io_context context_;
  http::Client client_;
  WorkerPool workers_{1, 16};
  SystemClock clock_;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

TEST_F(OpenAiLinksTest, AreFetchedWithoutTheKey) {
  RawServer files({HttpReply(200, "pixels")});
  RawServer api({Links({files.Url("/a.png?sig=1"), files.Url("/b.png")})});
  auto generated = Generate(api);
  ASSERT_TRUE(generated) << generated.error().message;
  ASSERT_EQ(generated->images.size(), 2u);
  EXPECT_EQ(*generated->images[0].bytes, "pixels");
  EXPECT_THAT(files.requests().at(0), HasSubstr("GET /a.png?sig=1 "));
  for (const std::string& request : files.requests()) EXPECT_THAT(request, Not(HasSubstr(kKey)));
}

TEST_F(OpenAiLinksTest, TransientFailuresAreRetriedWithoutGeneratingAgain) {
  RawServer files({HttpReply(503, ""), HttpReply(200, "pixels")});
  RawServer api({Links({files.Url("/a.png")})});
  EXPECT_TRUE(Generate(api));
  EXPECT_EQ(files.requests().size(), 2u);
  EXPECT_EQ(api.requests().size(), 1u);
}

TEST_F(OpenAiLinksTest, OneLostImageLeavesTheOthers) {
  RawServer files([](const std::string& request) {
    return request.starts_with("GET /gone") ? HttpReply(404, "") : HttpReply(200, "pixels");
  });
  RawServer api({Links({files.Url("/gone.png"), files.Url("/b.png")})});
  auto generated = Generate(api);
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->images.size(), 1u);
}

TEST_F(OpenAiLinksTest, BrokenLinksAreTheUpstreamsFaultAndTheirQueriesStaySecret) {
  const std::pair<RawReply, Code> cases[] = {
      {HttpReply(403, "expired"), Code::kBadUpstream},
      {HttpReply(404, ""), Code::kBadUpstream},
      {HttpReply(200, ""), Code::kBadUpstream},
      {HttpReply(500, ""), Code::kUnavailable},
      {HttpReply(200, std::string(1001, 'x')), Code::kTooLarge}};
  for (const auto& [reply, code] : cases) {
    RawServer files({reply});
    RawServer api({Links({files.Url("/a.png?sig=hidden")})});
    auto generated = Generate(api);
    ASSERT_FALSE(generated);
    EXPECT_EQ(generated.error().code, code) << generated.error().message;
    EXPECT_THAT(generated.error().message, HasSubstr("/a.png"));
    EXPECT_THAT(generated.error().message, Not(HasSubstr("hidden")));
  }
}

}  // namespace
}  // namespace reprise
