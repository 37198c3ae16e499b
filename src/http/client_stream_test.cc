#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "http/client.h"
#include "http/raw_server_testing.h"

namespace reprise::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ClientStreamTest : public ::testing::Test {
 protected:
  ClientStreamTest() : work_(asio::make_work_guard(context_)) {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~ClientStreamTest() override {
    client_.reset();
    work_.reset();
    for (auto& thread : threads_) thread.join();
  }

  Result<ClientStream> Open(ClientRequest request) {
    return RunTask(context_, client_->Open(std::move(request)));
  }
  Result<std::optional<std::string>> Next(BodyStream& body) {
    return RunTask(context_, body.Next());
  }
  // Until the end, or an error, which becomes the last piece.
  std::string ReadAll(BodyStream& body) {
    std::string all;
    while (true) {
      auto piece = Next(body);
      if (!piece) return all + "[" + std::string(CodeName(piece.error().code)) + "]";
      if (!*piece) return all;
      all += **piece;
    }
  }

  asio::io_context context_;
  std::unique_ptr<Client> client_ = std::make_unique<Client>();

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

TEST_F(ClientStreamTest, GivesTheHeadThenTheBody) {
  RawServer server({HttpReply(418, "short and stout", "X-Kind: Tea\r\n")});
  auto stream = Open({.method = "POST", .url = server.Url("/pot"), .body = "{}"});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->status, 418);
  EXPECT_THAT(stream->headers, ::testing::Contains(::testing::Pair("x-kind", "Tea")));
  EXPECT_EQ(ReadAll(*stream->body), "short and stout");
  EXPECT_EQ(ReadAll(*stream->body), "");  // the end stays the end
}

TEST_F(ClientStreamTest, TheHeadDoesNotWaitForTheBody) {
  RawServer server(
      {HangReply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(*Next(*stream->body), "abc");  // while the server holds the rest back
}

TEST_F(ClientStreamTest, BodiesWithoutBytesEnd) {
  RawServer server({HttpReply(200, ""), RawReply{"HTTP/1.1 204 None\r\n\r\n"}});
  for (int i = 0; i < 2; ++i) {
    auto stream = Open({.url = server.Url()});
    ASSERT_TRUE(stream);
    EXPECT_EQ(ReadAll(*stream->body), "");
  }
}

TEST_F(ClientStreamTest, InterimResponsesAndTrailersAreNoHead) {
  RawServer server(
      {RawReply{"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n"}});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->status, 200);
  EXPECT_EQ(ReadAll(*stream->body), "ok");
  EXPECT_EQ(stream->headers.size(), 1u);
}

TEST_F(ClientStreamTest, FaultsBeforeTheHeadFailTheCall) {
  RefusingPort port;
  auto refused = Open({.url = port.Url("/p?key=hidden")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, ::testing::Not(HasSubstr("hidden")));
  RawServer closing({CloseReply(), CloseReply("HTTP/1.1 200 OK\r\nContent-Le")});
  for (int i = 0; i < 2; ++i) {
    auto broken = Open({.url = closing.Url()});
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Code::kUnavailable);
  }
  EXPECT_EQ(Open({.url = "ftp://host/"}).error().code, Code::kInvalidArgument);
}

TEST_F(ClientStreamTest, FaultsLaterFailTheBodyBehindWhatCame) {
  RawServer server({CloseReply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream);
  EXPECT_EQ(ReadAll(*stream->body), "only this[unavailable]");
}

TEST_F(ClientStreamTest, EverySilenceEndsAtTheTimeout) {
  RawServer server({HangReply(), HangReply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")});
  auto silent = Open({.url = server.Url("/slow"), .timeout = milliseconds(50)});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(silent.error().message, HasSubstr("/slow sent nothing for 50 ms"));
  auto stream = Open({.url = server.Url(), .timeout = milliseconds(1000)});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(ReadAll(*stream->body), "abc[deadline_exceeded]");
}

TEST_F(ClientStreamTest, ASlowBodyMayTakeLongerThanTheTimeout) {
  RawReply reply = HttpReply(200, std::string(800, 'x'));
  reply.chunk = 20;
  reply.delay = milliseconds(30);
  RawServer server({reply});
  const auto start = std::chrono::steady_clock::now();
  auto stream = Open({.url = server.Url(), .timeout = milliseconds(1000)});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(ReadAll(*stream->body), std::string(800, 'x'));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(1000));
}

TEST_F(ClientStreamTest, LargeBodiesArriveWholeThroughPauses) {
  std::string body(20u << 20, '\0');
  for (std::size_t i = 0; i < body.size(); i += 1009) body[i] = static_cast<char>(i);
  RawServer server({HttpReply(200, body)});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream);
  EXPECT_TRUE(ReadAll(*stream->body) == body);
}

TEST_F(ClientStreamTest, AReaderThatDoesNotReadHoldsTheServerBack) {
  constexpr std::size_t kSize = 32u << 20;
  RawServer server({HttpReply(200, std::string(kSize, 'x')), HttpReply(200, "ok")});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream);
  // What one piece can hold is bounded, however long the server has been trying to send.
  for (int i = 0; i < 3; ++i) {
    auto other = RunTask(context_, client_->Fetch({.url = "http://127.0.0.1:1/"}));
    EXPECT_FALSE(other);  // the client's thread goes on meanwhile
    auto piece = Next(*stream->body);
    ASSERT_TRUE(piece && *piece);
    EXPECT_LE((*piece)->size(), (256u << 10) + (64u << 10));
  }
}

TEST_F(ClientStreamTest, DroppingTheBodyClosesTheConnection) {
  RawServer server({HttpReply(200, std::string(32u << 20, 'x')), HttpReply(200, "next")});
  for (bool read : {false, true}) {
    auto stream = Open({.url = server.Url()});
    ASSERT_TRUE(stream);
    if (read) ASSERT_TRUE(Next(*stream->body));
    stream->body.reset();
    // The server answers one request at a time on a connection: this one needs another.
    auto next = RunTask(context_, client_->Fetch({.url = server.Url()}));
    ASSERT_TRUE(next);
  }
  EXPECT_GE(server.connections(), 2);
}

TEST_F(ClientStreamTest, StopFailsTheBodyUnderWay) {
  RawServer server({HangReply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")});
  auto stream = Open({.url = server.Url()});
  ASSERT_TRUE(stream);
  client_->Stop();
  EXPECT_EQ(ReadAll(*stream->body), "abc[unavailable]");
  EXPECT_EQ(Open({.url = server.Url()}).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace reprise::http
