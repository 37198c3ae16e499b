#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "http/server_testing.h"

namespace reprise::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ServerTest, KeepsConnectionsOpen) {
  Start();
  RawClient client = Connect();
  for (const std::string& body : {"one", "two", "three"}) {
    const std::string reply = client.Send(Post(body)).ReadReply();
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(reply, EndsWith("\r\n\r\n[" + body + "]"));
  }
}

TEST_F(ServerTest, ClosesWhenAsked) {
  Start();
  EXPECT_THAT(Ask(Post("x", kClose)), EndsWith("[x]"));
  EXPECT_THAT(Ask("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"), EndsWith("[x]"));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  const std::string replies = Ask(Post("1") + Get("/target") + Post("2", kClose));
  const auto one = replies.find("[1]"), path = replies.find("/target|"), two = replies.find("[2]");
  EXPECT_TRUE(one < path && path < two && two != std::string::npos) << replies;
}

// A request that has come in half when the reply before it is written stays whole.
TEST_F(ServerTest, PipelinedHalvesStayWhole) {
  Start();
  for (int i = 0; i < 50; ++i) {
    RawClient client = Connect();
    const std::string second = Post(Get("/header"), kClose);
    client.Send(Post("1") + second.substr(0, second.size() - 30));
    EXPECT_THAT(client.ReadReply(), EndsWith("[1]"));
    const std::string reply = client.Send(second.substr(second.size() - 30)).ReadToEnd();
    ASSERT_THAT(reply, AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("[" + Get("/header") + "]")));
  }
}

TEST_F(ServerTest, RepliesGivenAtOnceKeepPipelinedRequestsWhole) {
  Start();
  RawClient client = Connect();
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += Post(std::to_string(i));
  bytes += Post("last", kClose);
  std::thread sender([&] {
    for (std::size_t at = 0; at < bytes.size(); at += 97) client.Send(bytes.substr(at, 97));
  });
  const std::string replies = client.ReadToEnd();
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    at = replies.find("\r\n\r\n[" + std::to_string(i) + "]", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(replies.find("[last]", at), std::string::npos);
  EXPECT_EQ(served_, 301);
}

TEST_F(ServerTest, FilesAreSentWhole) {
  Start();
  const std::string reply = Ask(Get("/file") + Get("/file", kClose));
  const std::string body = "before " + Pattern(700'000);
  const auto first = reply.find(body);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(reply.substr(reply.size() - body.size()), body);
  EXPECT_GT(reply.size() - body.size(), first + body.size());
  EXPECT_NE(reply.find("Content-Length: 700007"), std::string::npos);
}

// Replies may share a write, and a file then has pieces of others before it.
TEST_F(ServerTest, PipelinedFilesAmongOthersAreSentWhole) {
  Start();
  const std::string file = "before " + Pattern(700'000);
  for (int round = 0; round < 20; ++round) {
    std::string requests;
    for (const char* path : {"/same", "/file", "/file", "/target", "/file", "/same"}) {
      requests += Get(path);
    }
    const std::string replies = Ask(requests + Get("/file") + Post("last", kClose));
    std::size_t at = 0, files = 0;
    while ((at = replies.find("Content-Length: 700007", at)) != std::string::npos) {
      at = replies.find("\r\n\r\n", at) + 4;
      ASSERT_EQ(replies.compare(at, file.size(), file), 0) << files;
      at += file.size();
      ASSERT_TRUE(std::string_view(replies).substr(at).starts_with("HTTP/1.1 ")) << files;
      ++files;
    }
    EXPECT_EQ(files, 4u);
    EXPECT_THAT(replies, EndsWith("[last]"));
  }
}

TEST_F(ServerTest, AFileHasALengthAndNoBodyAfterHead) {
  Start();
  const std::string reply = Ask("HEAD /file HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n");
  EXPECT_NE(reply.find("Content-Length: 700007"), std::string::npos);
  EXPECT_TRUE(reply.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, AReaderWhoLeavesAFileHalfReadIsForgotten) {
  Start();
  {
    RawClient client = Connect();
    client.Send(Get("/file"));
  }
  EXPECT_TRUE(server_->Drain(std::chrono::milliseconds(10'000)));
}

TEST_F(ServerTest, RefusesBodiesBeyondTheLimit) {
  Start({.body_bytes = 1000});
  EXPECT_THAT(Ask(Post(std::string(1000, 'a'), kClose)), StartsWith("HTTP/1.1 200 "));
  const std::string reply = Ask(Post(std::string(1001, 'a'), kClose));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(reply, HasSubstr("limits.body"));
  EXPECT_EQ(served_, 1);
}

TEST_F(ServerTest, CutsOffBodiesFarBeyondTheLimit) {
  Start({.body_bytes = 1000});
  EXPECT_EQ(Ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc"), "");
  RawClient endless = Connect();
  endless.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3fffffff\r\n");
  int sent = 0;
  while (sent < 64 && endless.TrySend(std::string(1 << 20, 'a'))) ++sent;
  EXPECT_LT(sent, 64) << "MB";
  EXPECT_THAT(Ask(Post("x", kClose)), EndsWith("[x]"));
}

TEST_F(ServerTest, CutsOffHeadersBeyondTheLimits) {
  Start({.header_bytes = 1000, .header_count = 10});
  const auto value = [&](std::size_t n) {
    return Ask(Get("/header", "X-Test: " + std::string(n, 'v') + "\r\n" + kClose));
  };
  EXPECT_THAT(value(1000), EndsWith("<" + std::string(1000, 'v') + ">"));
  EXPECT_EQ(value(1001), "");
  EXPECT_EQ(Ask(Get("/target?" + std::string(1000, 'q'), kClose)), "");
  EXPECT_EQ(Ask(Get("/target", std::string(300, 'n') + ": v\r\n" + kClose)), "");
  std::string many;
  for (int i = 0; i < 10; ++i) many += "X-Many: v\r\n";
  EXPECT_EQ(Ask(Get("/target", many + kClose)), "");
}

TEST_F(ServerTest, CutsOffSlowClients) {
  Start({.read_timeout = milliseconds(200)});
  RawClient idle = Connect();
  RawClient half = Connect();
  half.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  const auto start = std::chrono::steady_clock::now();
  // A byte now and then does not buy more time.
  while (half.TrySend("a") && std::chrono::steady_clock::now() - start < kSoon) {
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(5000));
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_EQ(served_, 0);
}

TEST_F(ServerTest, AHandlerThatThrowsIsA500WithoutItsDetail) {
  Start();
  RawClient client = Connect();
  for (const std::string& path : {"/throw", "/throw-int"}) {
    const std::string reply = client.Send(Get(path)).ReadReply();
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 500 ")) << path;
    EXPECT_THAT(reply, Not(HasSubstr("secret")));
  }
  EXPECT_THAT(client.Send(Post("on", kClose)).ReadToEnd(), EndsWith("[on]"));
}

TEST_F(ServerTest, SaysWhichMethodsThereAre) {
  Start();
  const std::string reply = Ask(Get("/echo", kClose));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\nAllow: POST\r\n"));
}

TEST_F(ServerTest, DrainFinishesWhatIsUnderWay) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/wait"));
  AwaitWaiting(1);
  EXPECT_EQ(server_->requests_under_way(), 1u);
  std::thread opener([this] {
    std::this_thread::sleep_for(milliseconds(100));
    gate_->Set(true);
  });
  EXPECT_TRUE(server_->Drain(kSoon));
  opener.join();
  const std::string reply = client.ReadToEnd();  // the server closes it: nobody asked for that
  EXPECT_THAT(reply, EndsWith("waited"));
  EXPECT_THAT(reply, HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(RawClient(server_->port()).connected()) << "no longer listens";
}

TEST_F(ServerTest, DrainEndsWhenItsPatienceDoes) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/wait"));
  AwaitWaiting(1);
  EXPECT_FALSE(server_->Drain(milliseconds(50)));
  gate_->Set(true);
  EXPECT_TRUE(server_->Drain(kSoon)) << "it may be asked again";
}

TEST_F(ServerTest, DrainWaitsForNobodyWhoLeft) {
  Start();
  {
    RawClient client = Connect();
    client.Send(Get("/wait") + Get("/throw-int"));
    AwaitWaiting(1);
  }
  gate_->Set(true);
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(server_->requests_under_way(), 0u);
}

TEST_F(ServerTest, AStreamIsSentPieceByPieceAndCutOffWhereItsSourceIs) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/stream"));
  gate_->Set(true);
  std::string reply = client.FinishSending().ReadToEnd();
  EXPECT_THAT(reply, HasSubstr("Transfer-Encoding: chunked"));
  // Its source fails then, and what is cut off must not look whole.
  EXPECT_THAT(reply, EndsWith("8\r\npiece 1;\r\n8\r\npiece 2;\r\n8\r\npiece 3;\r\n"));
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(streams_, 0);
}

TEST_F(ServerTest, AWholeStreamKeepsItsConnection) {
  Start();
  gate_->Set(true);
  const std::string replies = Ask(Get("/stream?whole") + Get("/target", kClose));
  EXPECT_THAT(replies, HasSubstr("piece 3;\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, AStreamThatNobodyReadsAnyMoreIsDropped) {
  Start();
  {
    RawClient client = Connect();
    client.Send(Get("/stream"));
    while (streams_ == 0) std::this_thread::yield();
  }
  gate_->Set(true);
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(streams_, 0);
}

TEST_F(ServerTest, DrainWithNothingUnderWayReturnsAtOnce) {
  Start();
  RawClient idle = Connect();
  idle.Send(Post("x")).ReadReply();
  EXPECT_TRUE(server_->Drain(milliseconds(2000)));
}

TEST_F(ServerTest, ATakenAddressIsSaid) {
  Start();
  Server second(io_, {.port = server_->port()}, Router(), Render);
  const auto started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kUnavailable);
  EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

TEST_F(ServerTest, ANonsenseAddressIsSaid) {
  Server server(io_, {.host = "not an address", .port = 0}, Router(), Render);
  EXPECT_FALSE(server.Start());
}

TEST(ParseListen, Table) {
  using Parsed = std::pair<std::string, std::uint16_t>;
  EXPECT_EQ(*ParseListen("127.0.0.1:8484"), Parsed("127.0.0.1", 8484));
  EXPECT_EQ(*ParseListen("0.0.0.0:0"), Parsed("0.0.0.0", 0));
  EXPECT_EQ(*ParseListen("localhost:1"), Parsed("127.0.0.1", 1));
  EXPECT_EQ(*ParseListen("[::1]:65535"), Parsed("::1", 65535));
  EXPECT_EQ(*ParseListen("[::]:80"), Parsed("::", 80));
  for (const auto text : {"", ":", ":80", "80", "localhost", "localhost:", "localhost:http",
                          "h:65536", "h:-1", "h:+1", "h: 80", "h:80 ", "h:0x50", "h:99999999999",
                          "[]:80", "::1:80", "[::1]", "[::1:80", "::1]:80"}) {
    const auto parsed = ParseListen(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, HasSubstr("HOST:PORT"));
  }
}

}  // namespace
}  // namespace reprise::http
