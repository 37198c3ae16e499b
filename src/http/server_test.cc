#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/async_value.h"
#include "base/io_threads.h"
#include "http/raw_client_testing.h"

namespace reprise::http {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

constexpr milliseconds kSoon{20'000};

Response Render(const Error& error) {
  return Response{.status = HttpStatus(error), .headers = {}, .body = error.message};
}

std::string Pattern(std::size_t size) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 % 251);
  return text;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : io_(2) {}
  ~ServerTest() override {
    gate_->Set(true);
    if (server_) server_->Drain(milliseconds(1000));
    io_.Stop();
  }

  void Start(ServerOptions options = {}) {
    options.port = 0;
    server_ = std::make_unique<Server>(io_, options, Routes(), Render);
    const auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().message;
  }

  // "piece 1" to "piece 3" with an empty one between; after the first, as long as the gate is shut,
  // the client has to wait. Piece 4 is an error, or the end.
  class Pieces final : public BodyStream {
   public:
    Pieces(ServerTest& test, bool whole) : test_(test), whole_(whole) { ++test_.streams_; }
    ~Pieces() override { --test_.streams_; }
    Task<Result<std::optional<std::string>>> Next() override {
      ++number_;
      if (number_ == 2) {
        co_await test_.gate_->WaitUntil(After(kSoon));
        co_return "";
      }
      if (number_ > 4 && whole_) co_return std::nullopt;
      if (number_ > 4) co_return Fail(Code::kUnavailable, "the source is gone");
      co_return "piece " + std::to_string(number_ > 2 ? number_ - 1 : number_) + ";";
    }

   private:
    ServerTest& test_;
    const bool whole_;
    int number_ = 0;
  };

  // As much as buffers take, wherever they are.
  class Endless final : public BodyStream {
   public:
    explicit Endless(ServerTest& test) : test_(test) { ++test_.streams_; }
    ~Endless() override { --test_.streams_; }
    Task<Result<std::optional<std::string>>> Next() override {
      co_return std::string(1 << 20, 'x');
    }

   private:
    ServerTest& test_;
  };

  Router Routes() {
    Router router;
    router.Add("POST", "/echo", [this](RequestPtr request) -> Task<Response> {
      ++served_;
      co_return Json(200, "[" + std::string(request->body) + "]");
    });
    router.Add("GET", "/target", [](RequestPtr request) -> Task<Response> {
      co_return Json(200, std::string(request->path) + "|" + std::string(request->query));
    });
    router.Add("GET", "/header", [](RequestPtr request) -> Task<Response> {
      co_return Json(200, "<" + std::string(request->Header("X-Test")) + ">");
    });
    router.Add("GET", "/same", [](RequestPtr) -> Task<Response> {
      Response response = Json(304, "unchanged");
      co_return response;
    });
    router.Add("GET", "/nothing", [](RequestPtr) -> Task<Response> {
      co_return Response{.status = 204, .headers = {}, .body = "not sent"};
    });
    router.Add("GET", "/nothing-streamed", [this](RequestPtr) -> Task<Response> {
      co_return Response{
          .status = 204, .headers = {}, .body = std::make_shared<Pieces>(*this, true)};
    });
    router.Add("GET", "/inject", [](RequestPtr) -> Task<Response> {
      Response response = Json(200, "body");
      response.Set("X-Reason", "a\r\nX-Evil: 1\r\n\r\n<html>\x01\x7f");
      co_return response;
    });
    router.Add("GET", "/throw", [](RequestPtr) -> Task<Response> {
      throw std::runtime_error("secret detail");
      co_return Response{};
    });
    router.Add("GET", "/throw-int", [](RequestPtr) -> Task<Response> {
      throw 42;
      co_return Response{};
    });
    router.Add("GET", "/file", [this](RequestPtr) -> Task<Response> {
      co_return Response{.status = 200, .headers = {}, .body = FileBody{"before ", file_}};
    });
    router.Add("GET", "/stream", [this](RequestPtr request) -> Task<Response> {
      const bool whole = request->query == "whole";
      Response response{
          .status = 200, .headers = {}, .body = std::make_shared<Pieces>(*this, whole)};
      response.Set("Content-Type", "text/plain");
      co_return response;
    });
    router.Add("GET", "/endless", [this](RequestPtr) -> Task<Response> {
      co_return Response{.status = 200, .headers = {}, .body = std::make_shared<Endless>(*this)};
    });
    router.Add("GET", "/wait", [this](RequestPtr) -> Task<Response> {
      ++waiting_;
      co_await gate_->WaitUntil(After(kSoon));
      co_return Json(200, "waited");
    });
    return router;
  }

  RawClient Connect() { return RawClient(server_->port()); }
  std::string Ask(const std::string& bytes) { return Connect().Send(bytes).ReadToEnd(); }
  void AwaitWaiting(int count) {
    while (waiting_ < count) std::this_thread::sleep_for(milliseconds(1));
  }

  IoLoops io_;
  const FileBytesPtr file_ = FileMemory::Create(1 << 20).value()->Copy(Pattern(700'000));
  std::shared_ptr<AsyncValue<bool>> gate_ = std::make_shared<AsyncValue<bool>>();
  std::atomic<int> waiting_ = 0;
  std::atomic<int> served_ = 0;
  std::atomic<int> streams_ = 0;
  std::unique_ptr<Server> server_;
};

std::string Get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}
std::string Post(const std::string& body, const std::string& headers = {}) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
const std::string kClose = "Connection: close\r\n";

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

TEST_F(ServerTest, SplitsTheTarget) {
  Start();
  const auto body = [&](const std::string& target) {
    const std::string reply = Ask(Get(target, kClose));
    return reply.substr(reply.find("\r\n\r\n") + 4);
  };
  EXPECT_EQ(body("/target"), "/target|");
  EXPECT_EQ(body("/target?"), "/target|");
  EXPECT_EQ(body("/target?a=b?c"), "/target|a=b?c");
  EXPECT_EQ(body("/target?a#frag?x"), "/target|a");
}

TEST_F(ServerTest, TakesAbsoluteTargets) {
  Start();
  EXPECT_THAT(Ask(Get("http://x:80/target?q", kClose)), EndsWith("/target|q"));
  EXPECT_THAT(Ask(Get("http://x", kClose)), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n"),
              StartsWith("HTTP/1.1 404 "));
}

TEST_F(ServerTest, SendsNoBodyAfterHead) {
  Start();
  const std::string reply = Ask("HEAD /target?abc HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, HeadOfAnErrorHasNoBodyEither) {
  Start();
  const std::string reply = Ask("HEAD /nowhere HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(reply, EndsWith("\r\n\r\n"));
}

// The names of a reply's headers, and their values where it is not the time.
std::string HeadOf(const std::string& reply) {
  std::string head = reply.substr(0, reply.find("\r\n\r\n") + 4);
  const auto date = head.find("Date: ");
  return date == head.npos ? head : head.replace(date, head.find("\r\n", date) - date, "Date");
}
std::vector<std::string> LinesOf(const std::string& head) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) {
    lines.push_back(head.substr(at, head.find("\r\n", at) - at));
  }
  return lines;
}

TEST_F(ServerTest, HeadHasTheHeadersOfGetAndNothingElse) {
  Start();
  gate_->Set(true);
  for (const std::string& path : {"/target?abc", "/file", "/inject", "/same", "/nothing", "/throw",
                                  "/nowhere", "/echo", "/stream?whole", "/nothing-streamed"}) {
    const std::string reply = Ask("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n");
    EXPECT_THAT(reply, EndsWith("\r\n\r\n")) << path;
    EXPECT_EQ(reply.find("\r\n\r\n"), reply.size() - 4) << path;
    std::vector<std::string> lines = LinesOf(HeadOf(Ask(Get(path, kClose))));
    std::erase(lines, "Transfer-Encoding: chunked");  // nothing is coded
    EXPECT_THAT(LinesOf(HeadOf(reply)), UnorderedElementsAreArray(lines)) << path;
  }
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(streams_, 0) << "one that is not sent is let go";
}

TEST_F(ServerTest, NoContentHasNoLength) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/nothing") + Get("/nothing-streamed") + Get("/target", kClose));
  const std::string replies = client.ReadToEnd();
  EXPECT_THAT(replies, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(
      replies.substr(0, replies.find("HTTP/1.1 200 OK")),
      AllOf(Not(HasSubstr("Content-Length")), Not(HasSubstr("Transfer-Encoding")),
            HasSubstr("\r\n\r\nHTTP/1.1 204 "), Not(HasSubstr("not sent")), EndsWith("\r\n\r\n")));
  EXPECT_THAT(replies, EndsWith("/target|"));
}

// Its client reads the next reply where the head ends.
TEST_F(ServerTest, HeadOfAStreamKeepsItsConnection) {
  Start();
  const std::string replies =
      Ask("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + Get("/target", kClose));
  const auto second = replies.find("HTTP/1.1 200 OK", 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(replies.substr(0, second),
              AllOf(HasSubstr("Content-Type: text/plain\r\n"), EndsWith("\r\n\r\n"),
                    Not(HasSubstr("Content-Length")), Not(HasSubstr("Transfer-Encoding"))));
  EXPECT_THAT(replies, EndsWith("/target|"));
}

TEST_F(ServerTest, NotModifiedHasALengthAndNoBody) {
  Start();
  RawClient client = Connect();
  client.Send(Get("/same") + Get("/target", kClose));
  const std::string replies = client.ReadToEnd();
  EXPECT_THAT(replies, StartsWith("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(replies, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(replies, HasSubstr("\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, ReadsChunkedBodies) {
  Start();
  EXPECT_THAT(Ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + kClose +
                  "\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n"),
              EndsWith("\r\n\r\n[abcdefg]"));
}

TEST_F(ServerTest, TrailersAreNotHeaders) {
  Start();
  EXPECT_THAT(Ask("GET /header HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + kClose +
                  "\r\n0\r\nX-Test: smuggled\r\n\r\n"),
              EndsWith("\r\n\r\n<>"));
}

TEST_F(ServerTest, RequestsThatArriveByteByByteAreWhole) {
  Start();
  RawClient client = Connect();
  for (const char c : Post("drip", kClose)) client.Send(std::string(1, c));
  EXPECT_THAT(client.ReadToEnd(), EndsWith("[drip]"));
}

// A client that waits to be told before it sends its body.
std::string PostHead(const std::string& headers, const std::string& version = "1.1") {
  return "POST /echo HTTP/" + version + "\r\nHost: x\r\n" + headers + "\r\n";
}
const std::string kExpects = "Expect: 100-continue\r\n";
const std::string kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

TEST_F(ServerTest, AClientThatWaitsIsToldToSendItsBody) {
  Start();
  RawClient client = Connect();
  for (const std::string& expectation : {"100-continue", "100-Continue", ", 100-continue\t,"}) {
    client.Send(PostHead("Expect: " + expectation + "\r\nContent-Length: 4\r\n"));
    EXPECT_EQ(client.ReadReply(), kContinue) << expectation;
    EXPECT_THAT(client.Send("body").ReadReply(), EndsWith("[body]"));
  }
  EXPECT_EQ(client.Send(PostHead(kExpects + "Transfer-Encoding: chunked\r\n")).ReadReply(),
            kContinue);
  EXPECT_THAT(client.Send("3\r\nabc\r\n0\r\n\r\n").ReadReply(), EndsWith("[abc]"));
  client.Send(Get("/target") + PostHead(kExpects + "Content-Length: 2\r\n"));
  EXPECT_THAT(client.ReadReply(), EndsWith("/target|"));
  EXPECT_EQ(client.ReadReply(), kContinue) << "its head came before the last reply had been sent";
  EXPECT_THAT(client.Send("on").ReadReply(), EndsWith("[on]"));
}

TEST_F(ServerTest, NobodyIsToldToSendWhatIsThereOrDoesNotCome) {
  Start();
  RawClient client = Connect();
  EXPECT_THAT(client.Send(Post("body", kExpects)).ReadReply(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(client.Send(Post("", kExpects)).ReadReply(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(client.Send(Get("/target", kExpects)).ReadReply(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(client.Send(Post("body", "Expect:\r\n")).ReadReply(), StartsWith("HTTP/1.1 200 "));
  // Its end is not read as a chunk, and nobody else is told in its stead.
  EXPECT_EQ(Ask(PostHead(kExpects + "Transfer-Encoding: chunked\r\n") + "zz\r\n"), "");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Connect().FinishSending().ReadToEnd(), "");
}

TEST_F(ServerTest, Http10KnowsNoExpectations) {
  Start();
  for (const std::string& expectation : {"100-continue", "other"}) {
    const std::string head =
        PostHead("Expect: " + expectation + "\r\nContent-Length: 4\r\n", "1.0");
    EXPECT_EQ(Connect().Send(head).FinishSending().ReadToEnd(), "");
    EXPECT_THAT(Ask(head + "body"), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("[body]")));
  }
}

TEST_F(ServerTest, AClientThatWaitsIsRefusedByItsHead) {
  Start({.body_bytes = 1000});
  for (const std::string& size : {"1001", "1000000000000"}) {
    EXPECT_THAT(Ask(PostHead(kExpects + "Content-Length: " + size + "\r\n")),
                AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("Connection: close\r\n"),
                      HasSubstr(size + " bytes"), HasSubstr("limits.body")));
  }
  EXPECT_THAT(Ask(PostHead(kExpects + "Host: y\r\nContent-Length: 4\r\n")),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(served_, 0);
  EXPECT_EQ(Connect().Send(PostHead(kExpects + "Content-Length: 1000\r\n")).ReadReply(), kContinue);
}

TEST_F(ServerTest, OtherExpectationsAreNotMet) {
  Start();
  const std::string length = "Content-Length: 4\r\n";
  for (const std::string& expectation :
       {"200-ok", "100-continue, 200-ok", "100-continue=1", "100-continue\r\nExpect: x"}) {
    const std::string line = "Expect: " + expectation + "\r\n";
    for (const std::string& request :
         {PostHead(line + length), PostHead(line + length) + "body", Get("/target", line)}) {
      EXPECT_THAT(Ask(request), AllOf(StartsWith("HTTP/1.1 417 Expectation Failed\r\n"),
                                      HasSubstr("Connection: close\r\n")))
          << request;
    }
  }
  EXPECT_EQ(served_, 0);
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

TEST_F(ServerTest, HeaderValuesCannotAddLines) {
  Start();
  const std::string reply = Ask(Get("/inject", kClose));
  EXPECT_THAT(reply, HasSubstr("\r\nX-Reason: a  X-Evil: 1    <html>  \r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\nbody"));
}

TEST_F(ServerTest, SaysWhichMethodsThereAre) {
  Start();
  const std::string reply = Ask(Get("/echo", kClose));
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\nAllow: POST\r\n"));
}

// None of these may be taken for two requests, whatever a proxy before us thinks it is.
TEST_F(ServerTest, AmbiguousFramingIsNotServed) {
  Start();
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::string inner = Post("smuggled", kClose);
  const std::string shapes[] = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
      "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
      "Content-Length: 3, 3\r\n\r\nabc",
      "Content-Length: +3\r\n\r\nabc",
      "Content-Length: -1\r\n\r\n",
      "Content-Length: 0x3\r\n\r\nabc",
      "Content-Length: 3 0\r\n\r\nabc",
      "Content-Length: 99999999999999999999999\r\n\r\nabc",
      "Content-Length : 3\r\n\r\nabc",
      "Transfer-Encoding: chunked, identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: identity\r\n\r\n",
      "Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding : chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding:\x0b chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
  };
  for (const std::string& shape : shapes) {
    served_ = 0;
    RawClient client = Connect();
    const std::string reply = client.Send(start + shape + inner).FinishSending().ReadToEnd();
    EXPECT_EQ(served_, 0) << shape << "\n" << reply;
    EXPECT_THAT(reply, Not(HasSubstr("[smuggled]"))) << shape;
  }
}

TEST_F(ServerTest, TwoHostsAreRefused) {
  Start();
  EXPECT_THAT(Ask(Get("/target", "Host: y\r\n" + kClose)), StartsWith("HTTP/1.1 400 "));
}

// Java's own client makes this offer with its first request, whatever the method.
const std::string kOffer =
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";

TEST_F(ServerTest, OffersToSwitchProtocolsAreIgnored) {
  Start();
  RawClient client = Connect();
  EXPECT_THAT(client.Send(Get("/target?1", kOffer)).ReadReply(),
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("/target|1")));
  EXPECT_THAT(client.Send(Post("body", kOffer)).ReadReply(), EndsWith("[body]"));
  EXPECT_THAT(client.Send(Get("/target?2", kClose)).ReadToEnd(), EndsWith("/target|2"));
  EXPECT_THAT(Ask("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n" + kClose + "\r\n"),
              StartsWith("HTTP/1.1 404 "));
}

// For a request with an offer the library would stop its clock (see connection_socket.h).
TEST_F(ServerTest, AReaderWhoStallsIsCutOffWhateverWasOffered) {
  Start({.write_timeout = milliseconds(200)});
  RawClient plain = Connect(), offering = Connect();
  plain.Send(Get("/endless"));
  offering.Send(Get("/endless", kOffer));
  while (streams_ < 2) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(streams_, 0);
}

TEST_F(ServerTest, WhatIsNotHttpClosesTheConnection) {
  Start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\0\0 hello\r\n\r\n", 16), std::string("\r\n\r\nx"),
        std::string("GET\0/target HTTP/1.1\r\n\r\n", 25)}) {
    EXPECT_EQ(Connect().Send(bytes).FinishSending().ReadToEnd(), "");
  }
  EXPECT_THAT(Ask(Post("x", kClose)), EndsWith("[x]"));
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

// It cannot read chunks, whether it would like to keep the connection or not.
TEST_F(ServerTest, AStreamToHttp10EndsWithItsConnection) {
  Start();
  gate_->Set(true);
  for (const std::string& headers : {"", "Connection: keep-alive\r\n"}) {
    for (const std::string& path : {"/stream?whole", "/stream"}) {
      const std::string reply = Ask("GET " + path + " HTTP/1.0\r\n" + headers + "\r\n");
      EXPECT_THAT(reply,
                  AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Connection: close\r\n"),
                        HasSubstr("Content-Type: text/plain\r\n"),
                        EndsWith("\r\n\r\npiece 1;piece 2;piece 3;")));
      EXPECT_THAT(reply, Not(HasSubstr("Transfer-Encoding")));
      EXPECT_THAT(reply, Not(HasSubstr("Content-Length")));
    }
  }
  EXPECT_TRUE(server_->Drain(kSoon));
  EXPECT_EQ(streams_, 0);
}

TEST_F(ServerTest, AStreamIsSentPieceByPieceOverHttp10Too) {
  Start();
  RawClient client = Connect();
  client.Send("GET /stream?whole HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("piece 1;"), EndsWith("\r\n\r\npiece 1;"));
  gate_->Set(true);
  EXPECT_EQ(client.ReadToEnd(), "piece 2;piece 3;");
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
