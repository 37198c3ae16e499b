#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "http/raw_server_testing.h"

namespace reprise::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() : work_(asio::make_work_guard(context_)) {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~ClientTest() override {
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }

  Result<ClientResponse> Fetch(ClientRequest request) {
    return RunTask(context_, client_->Fetch(std::move(request)));
  }
  Result<ClientResponse> Get(const std::string& url) { return Fetch({.url = url}); }

  asio::io_context context_;
  std::unique_ptr<Client> client_ = std::make_unique<Client>();

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

TEST_F(ClientTest, ReturnsStatusHeadersAndBody) {
  RawServer server({HttpReply(418, "short and stout", "X-Kind:  Tea \r\nX-Empty:\r\n")});
  auto response = Get(server.Url("/pot?size=1"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(response->body, "short and stout");
  EXPECT_EQ(response->Header("x-kind"), "Tea");
  EXPECT_EQ(response->Header("x-empty"), "");
  EXPECT_EQ(response->Header("x-none"), std::nullopt);
  EXPECT_THAT(server.requests().at(0), HasSubstr("GET /pot?size=1 HTTP/1.1\r\n"));
}

TEST_F(ClientTest, SendsMethodHeadersAndBody) {
  RawServer server({HttpReply(200, "")});
  const std::string body(5000, 'b');  // long enough for libcurl to want "Expect: 100-continue"
  ASSERT_TRUE(Fetch({.method = "PUT",
                     .url = server.Url(),
                     .headers = {{"X-One", "1"}, {"X-None", ""}},
                     .body = body}));
  const std::string request = server.requests().at(0);
  EXPECT_THAT(request, HasSubstr("PUT / HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-One: 1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-None:\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Expect:")));
  EXPECT_THAT(request, Not(HasSubstr("Content-Type:")));
  EXPECT_TRUE(request.ends_with("\r\n\r\n" + body));
}

TEST_F(ClientTest, EveryMethodIsSentAsNamed) {
  RawServer server({HttpReply(200, "")});
  for (const char* method : {"GET", "POST", "DELETE", "PATCH"}) {
    ASSERT_TRUE(Fetch({.method = method, .url = server.Url()})) << method;
    EXPECT_THAT(server.requests().back(), HasSubstr(std::string(method) + " / HTTP/1.1"));
  }
}

TEST_F(ClientTest, HeadHasNoBody) {
  RawServer server({RawReply{"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"}});
  auto response = Fetch({.method = "HEAD", .url = server.Url(), .max_response_bytes = 10});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->Header("content-length"), "999999999");
}

TEST_F(ClientTest, KeepsConnectionsAlive) {
  RawServer server({HttpReply(200, "x")});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Get(server.Url()));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTest, AStaleConnectionIsReplaced) {
  RawServer server({HttpReply(200, "one"), CloseReply(), HttpReply(200, "two")});
  ASSERT_TRUE(Get(server.Url()));
  auto second = Get(server.Url());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->body, "two");
}

TEST_F(ClientTest, ChunkedAndTricklingBodiesArriveWhole) {
  RawReply reply{
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"};
  reply.chunk = 7;
  reply.delay = milliseconds(1);
  RawServer server({reply});
  auto response = Get(server.Url());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "abcde");
}

TEST_F(ClientTest, InterimResponsesAreSkipped) {
  RawServer server(
      {RawReply{"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}});
  auto response = Get(server.Url());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Header("x-early"), std::nullopt);
}

TEST_F(ClientTest, RedirectsAreNotFollowed) {
  RawServer server({HttpReply(302, "", "Location: /elsewhere\r\n")});
  auto response = Get(server.Url());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ClientTest, BrokenAnswersAreUnavailable) {
  const std::vector<RawReply> broken = {
      CloseReply(),
      CloseReply("HTTP/1.1 200 OK\r\nContent-Le"),
      CloseReply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
      CloseReply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
      CloseReply("this is not HTTP at all\r\n\r\n"),
  };
  for (const RawReply& reply : broken) {
    RawServer server({reply});
    auto response = Get(server.Url("/p"));
    ASSERT_FALSE(response) << reply.bytes;
    EXPECT_EQ(response.error().code, Code::kUnavailable) << reply.bytes;
    EXPECT_THAT(response.error().message, HasSubstr(server.Url("/p"))) << reply.bytes;
  }
}

TEST_F(ClientTest, ARefusedConnectionIsUnavailableAndItsQueryStaysSecret) {
  RefusingPort port;
  auto response = Get(port.Url("/path?key=hidden"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr(port.Url("/path")));
  EXPECT_THAT(response.error().message, Not(HasSubstr("hidden")));
}

TEST_F(ClientTest, AnUnknownHostIsUnavailable) {
  auto response = Get("http://no-such-host.invalid/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
}

TEST_F(ClientTest, SilenceEndsAtTheTimeout) {
  RawServer server({HangReply(), HangReply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")});
  for (int i = 0; i < 2; ++i) {
    auto response = Fetch({.url = server.Url("/slow?key=hidden"), .timeout = milliseconds(50)});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kDeadlineExceeded);
    EXPECT_THAT(response.error().message, HasSubstr("127.0.0.1"));
    EXPECT_THAT(response.error().message, Not(HasSubstr("hidden")));
  }
}

TEST_F(ClientTest, ATimeoutThatHasPassedAlreadyIsNotEndless) {
  RawServer server({HangReply()});
  auto response = Fetch({.url = server.Url(), .timeout = milliseconds(-5)});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kDeadlineExceeded);
}

TEST_F(ClientTest, BodiesAreLimitedWhileTheyArrive) {
  RawServer server({HttpReply(200, std::string(1000, 'x'))});
  auto fits = Fetch({.url = server.Url(), .max_response_bytes = 1000});
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->body.size(), 1000u);
  auto too_large = Fetch({.url = server.Url(), .max_response_bytes = 999});
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, Code::kTooLarge);
}

TEST_F(ClientTest, HeadersAreLimited) {
  std::string headers;
  for (int i = 0; i < 60; ++i) headers += "X-Pad: " + std::string(8000, 'p') + "\r\n";
  RawServer server({HttpReply(200, "", headers)});
  auto response = Get(server.Url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kTooLarge);
}

TEST_F(ClientTest, LargeBodiesArriveWhole) {
  std::string body(20u << 20, '\0');
  for (std::size_t i = 0; i < body.size(); i += 1009) body[i] = static_cast<char>(i);
  RawServer server({HttpReply(200, body)});
  auto response = Get(server.Url());
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->body == body);
}

TEST_F(ClientTest, UnusableUrlsAndHeadersAreRefused) {
  for (const char* url :
       {"", "/path", "ftp://host/", "file:///etc/passwd", "http://", "http:// /"}) {
    auto response = Get(url);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, Code::kInvalidArgument) << url;
  }
  RawServer server({HttpReply(200, "")});
  const Headers headers[] = {
      {{"X-A", "1\r\nX-B: 2"}}, {{"X-A", "1\n"}}, {{"", "1"}}, {{"X A", "1"}}, {{"X:A", "1"}}};
  for (const Headers& bad : headers) {
    auto response = Fetch({.url = server.Url(), .headers = bad});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ClientTest, PrivateAddressesCanBeRefused) {
  RawServer server({HttpReply(200, "secret")});
  // Also when a connection is there already, and for a name.
  ASSERT_TRUE(Get(server.Url()));
  const std::string port = std::to_string(server.port());
  for (const std::string& url : {server.Url(), "http://localhost:" + port + "/"}) {
    auto response = Fetch({.url = url, .public_addresses_only = true});
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, Code::kForbidden) << url;
  }
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTest, ManyRequestsAtOnce) {
  RawReply reply = HttpReply(200, "x");
  reply.delay = milliseconds(1);
  RawServer server({reply});
  std::vector<std::future<bool>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back(
        std::async(std::launch::async, [&] { return Get(server.Url()).has_value(); }));
  }
  for (auto& result : results) EXPECT_TRUE(result.get());
  EXPECT_EQ(server.requests().size(), 50u);
}

TEST_F(ClientTest, TheDestructorFailsWhatIsUnderWay) {
  RawServer server({HangReply()});
  std::vector<std::future<Result<ClientResponse>>> results;
  for (int i = 0; i < 4; ++i) {
    results.push_back(std::async(std::launch::async, [&] { return Get(server.Url()); }));
  }
  while (server.requests().size() < 4) std::this_thread::yield();
  client_.reset();
  for (auto& result : results) {
    auto response = result.get();
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kUnavailable);
  }
}

}  // namespace
}  // namespace reprise::http
