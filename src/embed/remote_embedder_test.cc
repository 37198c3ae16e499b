#include "embed/remote_embedder.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <vector>

#include "embed/embed_testing.h"

namespace reprise {
namespace {

using http::CloseReply;
using http::HangReply;
using http::JsonReply;
using http::RawReply;
using http::RawServer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

// Requests wait here until the test lets them go.
class Gate {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

class RemoteEmbedderTest : public EmbedderTest {
 protected:
  ~RemoteEmbedderTest() override { Stop(); }

  // Long waits, so that none of them ends a test that does not mean to.
  static RemoteEmbedderOptions Patient() {
    RemoteEmbedderOptions options;
    options.timeout = std::chrono::minutes(5);
    options.window = std::chrono::minutes(5);
    options.retry = {.max_attempts = 3, .base = milliseconds(2), .max = milliseconds(4)};
    return options;
  }

  RemoteEmbedder& Make(const std::string& url, RemoteEmbedderOptions options = Patient(),
                       std::size_t dimensions = 0) {
    auto api = MakeOpenAiEmbeddingApi({.url = url, .model = "m", .dimensions = dimensions});
    EXPECT_TRUE(api) << api.error().message;
    // It outlives its calls, one of which may still wait to try again.
    if (embedder_) former_.push_back(std::move(embedder_));
    embedder_ = std::make_unique<RemoteEmbedder>(
        std::move(*api), options, RemoteEmbedderParts{client_, workers_, io_.context(), clock_});
    return *embedder_;
  }

  // Starts an Embed on a thread of its own.
  std::future<Result<Embedding>> Start(const std::string& text) {
    return std::async(std::launch::async, [this, text] { return Embed(*embedder_, text); });
  }

  void AwaitWaiting(std::size_t texts) {
    while (embedder_->waiting() != texts) std::this_thread::yield();
  }

  std::unique_ptr<RemoteEmbedder> embedder_;
  std::vector<std::unique_ptr<RemoteEmbedder>> former_;
};

std::size_t TextsOf(const std::string& request) {
  return BodyOf(request)["input"].size();
}

TEST_F(RemoteEmbedderTest, EmbedsAndLearnsTheDimensions) {
  RawServer server(EmbeddingsReply);
  RemoteEmbedder& embedder = Make(server.Url("/v1"));
  EXPECT_EQ(embedder.identity(), "openai/m");
  EXPECT_EQ(embedder.dimensions(), 0u);
  EXPECT_EQ(Embed(embedder, " "), Embedding());
  EXPECT_TRUE(server.requests().empty()) << "a blank prompt needs no call";
  ExpectVector(Embed(embedder, "a cat"), "a cat");
  EXPECT_EQ(embedder.dimensions(), 3u);
  EXPECT_EQ(embedder.identity(), "openai/m");
  EXPECT_EQ(Embed(embedder, " "), Embedding(3, 0.0f));
  EXPECT_THAT(server.requests().at(0), HasSubstr("POST /v1/embeddings HTTP/1.1\r\n"));
}

// The window is five minutes: a lone text that waited for it would never end.
TEST_F(RemoteEmbedderTest, ALoneTextGoesOutAtOnce) {
  RawServer server(EmbeddingsReply);
  Make(server.Url("/v1"));
  for (const char* text : {"one", "two", "three"}) ExpectVector(Embed(*embedder_, text), text);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(RemoteEmbedderTest, TextsOfTheSameTimeShareCalls) {
  Gate gate;
  RawServer server([&](const std::string& request) {
    if (TextsOf(request) == 1) gate.Pass();
    return EmbeddingsReply(request);
  });
  RemoteEmbedderOptions options = Patient();
  options.max_calls = 1;
  options.max_batch = 4;
  Make(server.Url("/v1"), options);
  auto first = Start("first");
  gate.AwaitArrival();
  std::vector<std::future<Result<Embedding>>> others;
  for (int i = 0; i < 8; ++i) others.push_back(Start("text " + std::to_string(i)));
  AwaitWaiting(8);
  gate.Open();
  ExpectVector(first.get(), "first");
  for (int i = 0; i < 8; ++i) ExpectVector(others[i].get(), "text " + std::to_string(i));
  ASSERT_EQ(server.requests().size(), 3u);
  for (int i : {1, 2}) EXPECT_EQ(TextsOf(server.requests()[i]), 4u);
}

// A call that hangs must not hold up others.
RawReply HangOnSlow(const std::string& request) {
  return BodyOf(request)["input"][0] == "slow" ? HangReply() : EmbeddingsReply(request);
}

TEST_F(RemoteEmbedderTest, TheWindowEndsByItself) {
  RawServer server(HangOnSlow);
  RemoteEmbedderOptions options = Patient();
  options.window = milliseconds(1);
  Make(server.Url("/v1"), options);
  auto slow = Start("slow");
  while (server.requests().empty()) std::this_thread::yield();
  ExpectVector(Embed(*embedder_, "quick"), "quick");
  client_.Stop();
  EXPECT_FALSE(slow.get());
}

TEST_F(RemoteEmbedderTest, AFullBatchDoesNotWaitForTheWindow) {
  RawServer server(HangOnSlow);
  RemoteEmbedderOptions options = Patient();
  options.max_batch = 2;
  Make(server.Url("/v1"), options);
  auto slow = Start("slow");
  while (server.requests().empty()) std::this_thread::yield();
  auto a = Start("a"), b = Start("b");
  ExpectVector(a.get(), "a");
  ExpectVector(b.get(), "b");
  EXPECT_EQ(server.requests().size(), 2u);
  client_.Stop();
  EXPECT_FALSE(slow.get());
}

TEST_F(RemoteEmbedderTest, TooManyWaitingTextsAreRefused) {
  Gate gate;
  RawServer server([&](const std::string& request) {
    gate.Pass();
    return EmbeddingsReply(request);
  });
  RemoteEmbedderOptions options = Patient();
  options.max_calls = 1;
  options.max_waiting = 1;
  Make(server.Url("/v1"), options);
  auto first = Start("first");
  gate.AwaitArrival();
  auto waiting = Start("waiting");
  AwaitWaiting(1);
  const auto refused = Embed(*embedder_, "refused");
  gate.Open();
  ExpectVector(first.get(), "first");
  ExpectVector(waiting.get(), "waiting");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
}

TEST_F(RemoteEmbedderTest, OneRefusedTextDoesNotCostTheOthersTheirs) {
  Gate gate;
  RawServer server([&](const std::string& request) -> RawReply {
    const auto input = BodyOf(request)["input"];
    if (input[0] == "first") gate.Pass();
    for (const auto& text : input) {
      if (text == "poison") return JsonReply(413, R"({"error":"too long"})");
    }
    return EmbeddingsReply(request);
  });
  RemoteEmbedderOptions options = Patient();
  options.max_calls = 1;
  Make(server.Url("/v1"), options);
  auto first = Start("first");
  gate.AwaitArrival();
  auto poison = Start("poison");
  std::vector<std::future<Result<Embedding>>> others;
  for (int i = 0; i < 5; ++i) others.push_back(Start(std::to_string(i)));
  AwaitWaiting(6);
  gate.Open();
  for (int i = 0; i < 5; ++i) ExpectVector(others[i].get(), std::to_string(i));
  const auto refused = poison.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
  EXPECT_THAT(refused.error().message, HasSubstr("too long"));
  EXPECT_EQ(embedder_->breaker_state(), CircuitBreaker::State::kClosed);
}

TEST_F(RemoteEmbedderTest, WhatMayPassIsRetried) {
  for (const RawReply& fault : {CloseReply(), JsonReply(500, "{}"), JsonReply(429, "{}"),
                                JsonReply(503, "", "Retry-After: 0\r\n"),
                                CloseReply("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")}) {
    int calls = 0;
    RawServer server([&](const std::string& request) {
      return ++calls == 1 ? fault : EmbeddingsReply(request);
    });
    Make(server.Url("/v1"));
    ExpectVector(Embed(*embedder_, "a cat"), "a cat");
    EXPECT_EQ(server.requests().size(), 2u) << fault.bytes;
  }
}

TEST_F(RemoteEmbedderTest, WhatWillNotPassIsNot) {
  const std::pair<RawReply, Code> cases[] = {
      {JsonReply(400, "{}"), Code::kInvalidArgument},
      {JsonReply(401, "{}"), Code::kUnauthorized},
      {JsonReply(404, "{}"), Code::kBadUpstream},
      {JsonReply(200, R"({"data":[]})"), Code::kBadUpstream},
      {JsonReply(200, R"({"data":[{"embedding":[NaN]}]})"), Code::kBadUpstream}};
  for (const auto& [reply, code] : cases) {
    RawServer server({reply});
    const auto result = Embed(Make(server.Url("/v1")), "a cat");
    ASSERT_FALSE(result) << reply.bytes;
    EXPECT_EQ(result.error().code, code) << reply.bytes;
    EXPECT_EQ(server.requests().size(), 1u) << reply.bytes;
  }
}

TEST_F(RemoteEmbedderTest, AWaitThatWouldOutlastTheTimeoutIsNotBegun) {
  RawServer server({JsonReply(429, "{}", "Retry-After: 3600\r\n")});
  const auto result = Embed(Make(server.Url("/v1")), "a cat");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kRateLimited);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(RemoteEmbedderTest, EveryEmbedEndsAtItsTimeout) {
  for (const RawReply& reply :
       {HangReply(), RawReply{.bytes = EmbeddingsReply("\r\n\r\n{\"input\":[\"a\"]}").bytes,
                     .delay = milliseconds(200),
                     .chunk = 1}}) {
    RawServer server({reply});
    RemoteEmbedderOptions options = Patient();
    options.timeout = milliseconds(60);
    const auto result = Embed(Make(server.Url("/v1"), options), "a");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kDeadlineExceeded) << result.error().message;
  }
}

TEST_F(RemoteEmbedderTest, ARefusedConnectionIsUnavailable) {
  http::RefusingPort port;
  const auto result = Embed(Make(port.Url("/v1")), "a cat");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
}

TEST_F(RemoteEmbedderTest, AModelThatChangesUnderItsNameIsRefused) {
  int calls = 0;
  RawServer server([&](const std::string& request) {
    return ++calls == 1 ? EmbeddingsReply(request)
                        : JsonReply(200, R"({"data":[{"embedding":[1,2]}]})");
  });
  Make(server.Url("/v1"));
  ASSERT_TRUE(Embed(*embedder_, "a cat"));
  const auto result = Embed(*embedder_, "a dog");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("gave 2 dimensions and 3 before"));
  EXPECT_EQ(embedder_->dimensions(), 3u);
}

TEST_F(RemoteEmbedderTest, AnApiThatKeepsFailingIsLeftAloneUntilItIsBack) {
  std::atomic<bool> healthy = false;
  RawServer server([&](const std::string& request) {
    return healthy ? EmbeddingsReply(request) : JsonReply(500, "{}");
  });
  RemoteEmbedderOptions options = Patient();
  options.retry.max_attempts = 1;
  options.breaker = {.failures = 3, .pause = milliseconds(1000)};
  Make(server.Url("/v1"), options);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Embed(*embedder_, "a cat"));
  EXPECT_EQ(embedder_->breaker_state(), CircuitBreaker::State::kOpen);
  const auto left_alone = Embed(*embedder_, "a cat");
  ASSERT_FALSE(left_alone);
  EXPECT_EQ(left_alone.error().code, Code::kUnavailable);
  EXPECT_THAT(left_alone.error().message, HasSubstr("left alone for 1000 ms"));
  EXPECT_EQ(server.requests().size(), 3u);

  clock_.Advance(milliseconds(1000));
  EXPECT_FALSE(Embed(*embedder_, "a cat")) << "the probe fails";
  EXPECT_EQ(server.requests().size(), 4u);
  healthy = true;
  EXPECT_FALSE(Embed(*embedder_, "a cat")) << "and opens it again";
  clock_.Advance(milliseconds(2000));
  ExpectVector(Embed(*embedder_, "a cat"), "a cat");
  EXPECT_EQ(embedder_->breaker_state(), CircuitBreaker::State::kClosed);
}

TEST_F(RemoteEmbedderTest, AskedForDimensionsAreKnownFromTheStart) {
  RawServer server(EmbeddingsReply);
  Make(server.Url("/v1"), Patient(), 3);
  EXPECT_EQ(embedder_->dimensions(), 3u);
  EXPECT_EQ(embedder_->identity(), "openai/m/3");
  ExpectVector(Embed(*embedder_, "a cat"), "a cat");
}

TEST_F(RemoteEmbedderTest, StoppingTheClientEndsWhatIsUnderWay) {
  RawServer server({HangReply()});
  Make(server.Url("/v1"));
  auto hanging = Start("a cat");
  while (server.requests().empty()) std::this_thread::yield();
  client_.Stop();
  EXPECT_FALSE(hanging.get());
}

}  // namespace
}  // namespace reprise
