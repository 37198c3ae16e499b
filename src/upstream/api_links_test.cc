// Images that an upstream's answer links to instead of containing them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "http/raw_server_testing.h"
#include "upstream/api_caller.h"
namespace reprise {
namespace {

using http::HttpReply;
using http::JsonReply;
using http::RawReply;
using http::RawServer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLinkKey[] = "sk-secret-0123456789";

RawReply Links(const std::vector<std::string>& links) {
  std::string data;
  for (const std::string& link : links) {
    data += std::string(data.empty() ? "" : ",") + R"({"url":")" + link + "\"}";
  }
  return JsonReply(200, R"({"data":[)" + data + "]}");
}

class ApiLinksTest : public ::testing::Test {
 protected:
  ApiLinksTest() : work_(asio::make_work_guard(context_)) {
    log::Configure("off", "text");
    thread_ = std::thread([this] { context_.run(); });
  }
  ~ApiLinksTest() override {
    work_.reset();
    thread_.join();
  }

  Result<Generated> Generate(const RawServer& api) {
    UpstreamOptions options{.base_url = api.Url("/v1"), .api_key = kLinkKey};
    options.retry = {.max_attempts = 3, .base = milliseconds(2), .max = milliseconds(4)};
    options.max_image_bytes = 1000;
    auto generator = *MakeUpstream(options, {client_, workers_, clock_});
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

TEST_F(ApiLinksTest, AreFetchedWithoutTheKey) {
  RawServer files({HttpReply(200, "pixels")});
  RawServer api({Links({files.Url("/a.png?sig=1"), files.Url("/b.png")})});
  auto generated = Generate(api);
  ASSERT_TRUE(generated) << generated.error().message;
  ASSERT_EQ(generated->images.size(), 2u);
  EXPECT_EQ(*generated->images[0].bytes, "pixels");
  EXPECT_THAT(files.requests().at(0), HasSubstr("GET /a.png?sig=1 "));
  for (const std::string& request : files.requests())
    EXPECT_THAT(request, Not(HasSubstr(kLinkKey)));
}

TEST_F(ApiLinksTest, TransientFailuresAreRetriedWithoutGeneratingAgain) {
  RawServer files({HttpReply(503, ""), HttpReply(200, "pixels")});
  RawServer api({Links({files.Url("/a.png")})});
  EXPECT_TRUE(Generate(api));
  EXPECT_EQ(files.requests().size(), 2u);
  EXPECT_EQ(api.requests().size(), 1u);
}

TEST_F(ApiLinksTest, OneLostImageLeavesTheOthers) {
  RawServer files([](const std::string& request) {
    return request.starts_with("GET /gone") ? HttpReply(404, "") : HttpReply(200, "pixels");
  });
  RawServer api({Links({files.Url("/gone.png"), files.Url("/b.png")})});
  auto generated = Generate(api);
  ASSERT_TRUE(generated);
  EXPECT_EQ(generated->images.size(), 1u);
}

TEST_F(ApiLinksTest, BrokenLinksAreTheUpstreamsFaultAndTheirQueriesStaySecret) {
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

TEST_F(ApiLinksTest, RedirectsAreFollowedThreeTimes) {
  RawServer files([](const std::string& request) {
    const int hop = request[5] - '0';  // "GET /N"
    if (hop == 0) return HttpReply(200, "pixels");
    return HttpReply(302, "", "Location: /" + std::to_string(hop - 1) + "?sig=hidden\r\n");
  });
  RawServer three({Links({files.Url("/3")})});
  auto generated = Generate(three);
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(*generated->images[0].bytes, "pixels");
  RawServer four({Links({files.Url("/4")})});
  auto refused = Generate(four);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBadUpstream);
  EXPECT_THAT(refused.error().message, HasSubstr("redirects more than 3 times"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("hidden")));
}

TEST_F(ApiLinksTest, RedirectsLeadToNoOtherScheme) {
  for (const char* location : {"file:///etc/passwd", "ftp://127.0.0.1/x"}) {
    RawServer files({HttpReply(302, "", "Location: " + std::string(location) + "\r\n")});
    RawServer api({Links({files.Url("/a.png")})});
    auto generated = Generate(api);
    ASSERT_FALSE(generated) << location;
    EXPECT_EQ(generated.error().code, Code::kBadUpstream);
  }
}

TEST(ApiLink, LeadsToTheOwnHostOrByHttpsToPublicAddresses) {
  auto own = LinkRequest("http://API.example.com:81/i.png", "api.example.com", false);
  ASSERT_TRUE(own);
  EXPECT_FALSE(own->public_addresses_only);
  auto elsewhere = LinkRequest("https://cdn.example.net/i.png?sig=1", "api.example.com", false);
  ASSERT_TRUE(elsewhere);
  EXPECT_TRUE(elsewhere->public_addresses_only);
  EXPECT_EQ(elsewhere->url, "https://cdn.example.net/i.png?sig=1");
  EXPECT_TRUE(elsewhere->headers.empty());
}

TEST(ApiLink, OfAPrivateApiMayLeadAnywhere) {
  for (const char* host : {"localhost", "127.0.0.1", "192.168.1.9", "::1"}) {
    auto request = LinkRequest("http://10.0.0.7/i.png", host, false);
    ASSERT_TRUE(request) << host;
    EXPECT_FALSE(request->public_addresses_only);
  }
}

TEST(ApiLink, OthersAreRefusedWithoutTheirQuery) {
  for (const char* link : {"http://cdn.example.net/i.png?sig=hidden",
                           "http://169.254.169.254/hidden?", "ftp://hidden/", "https://"}) {
    auto request = LinkRequest(link, "api.example.com", false);
    ASSERT_FALSE(request) << link;
    EXPECT_EQ(request.error().code, Code::kBadUpstream);
    EXPECT_THAT(request.error().message, Not(HasSubstr("sig=")));
  }
}

TEST(ApiLink, MayBePrivateWhenTheOperatorSaysSo) {
  auto request = LinkRequest("http://10.0.0.7/i.png", "api.example.com", true);
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->public_addresses_only);
}

}  // namespace
}  // namespace reprise
