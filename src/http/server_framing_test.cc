// How requests and replies are framed: heads, bodies, lengths, expectations, versions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/server_testing.h"

namespace reprise::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

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

TEST_F(ServerTest, HeaderValuesCannotAddLines) {
  Start();
  const std::string reply = Ask(Get("/inject", kClose));
  EXPECT_THAT(reply, HasSubstr("\r\nX-Reason: a  X-Evil: 1    <html>  \r\n"));
  EXPECT_THAT(reply, EndsWith("\r\n\r\nbody"));
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

}  // namespace
}  // namespace reprise::http
