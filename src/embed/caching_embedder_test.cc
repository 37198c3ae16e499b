#include "embed/caching_embedder.h"

#include <gmock/gmock.h>

#include <future>

#include "embed/embed_testing.h"
#include "embed/embedded_text.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

// Answers when the test says so.
class HeldEmbedder final : public Embedder {
 public:
  std::string_view identity() const override { return "held"; }
  std::size_t dimensions() const override { return 3; }
  Task<Result<Embedding>> Embed(const Prompt& prompt) override {
    const std::string text = EmbeddedText(prompt);
    ++calls;
    if (text.starts_with("throw")) throw std::runtime_error("thrown on request");
    co_await open.WaitUntil(Deadline::max());
    if (text.starts_with("fail")) co_return Fail(Code::kUnavailable, "failed on request");
    if (text.empty()) co_return Embedding(3, 0.0f);
    const auto vector = FakeVector(text);
    co_return *UnitLength(Embedding(vector.begin(), vector.end()));
  }

  AsyncValue<bool> open;
  std::atomic<int> calls = 0;
};

class CachingEmbedderTest : public EmbedderTest {
 protected:
  ~CachingEmbedderTest() override { Stop(); }

  CachingEmbedder& Make(CachingEmbedderOptions options) {
    auto inner = std::make_unique<HeldEmbedder>();
    inner_ = inner.get();
    embedder_ = std::make_unique<CachingEmbedder>(std::move(inner), options, io_.context());
    return *embedder_;
  }
  CachingEmbedder& MakeOpen(std::size_t max_bytes = 1u << 20) {
    Make({.max_bytes = max_bytes, .timeout = std::chrono::minutes(5)});
    inner_->open.Set(true);
    return *embedder_;
  }
  std::future<Result<Embedding>> Start(const std::string& text) {
    return std::async(std::launch::async, [this, text] { return Embed(*embedder_, text); });
  }

  HeldEmbedder* inner_ = nullptr;
  std::unique_ptr<CachingEmbedder> embedder_;
};

TEST_F(CachingEmbedderTest, AsksOncePerText) {
  MakeOpen();
  for (int i = 0; i < 3; ++i) {
    ExpectVector(Embed(*embedder_, "a cat"), "a cat");
    ExpectVector(Embed(*embedder_, "a  cat\n"), "a cat");  // the model sees the same text
    ExpectVector(Embed(*embedder_, "A cat"), "A cat");
  }
  EXPECT_EQ(inner_->calls, 2);
  const EmbeddingCounters counters = embedder_->counters();
  EXPECT_EQ(counters.misses, 2u);
  EXPECT_EQ(counters.hits, 7u);
  EXPECT_EQ(counters.joined, 0u);
  EXPECT_EQ(counters.errors, 0u);
  EXPECT_GT(counters.bytes, 0u);
  EXPECT_EQ(embedder_->identity(), "held");
  EXPECT_EQ(embedder_->dimensions(), 3u);
}

TEST_F(CachingEmbedderTest, EqualTextsInFlightAreAskedOnce) {
  Make({.timeout = std::chrono::minutes(5)});
  std::vector<std::future<Result<Embedding>>> all;
  for (int i = 0; i < 20; ++i) all.push_back(Start("a cat"));
  while (embedder_->counters().joined != 19) std::this_thread::yield();
  inner_->open.Set(true);
  for (auto& one : all) ExpectVector(one.get(), "a cat");
  EXPECT_EQ(inner_->calls, 1);
}

TEST_F(CachingEmbedderTest, FailuresAreNotKept) {
  MakeOpen();
  for (const char* text : {"fail", "fail", "throw", "throw"}) {
    const auto result = Embed(*embedder_, text);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, ::testing::HasSubstr("on request"));
  }
  EXPECT_EQ(inner_->calls, 4);
  EXPECT_EQ(embedder_->counters().errors, 4u);
  EXPECT_EQ(embedder_->counters().bytes, 0u);
}

TEST_F(CachingEmbedderTest, ACallerLeavesInTimeAndTheEmbeddingIsKeptWhenItComes) {
  Make({.timeout = milliseconds(20)});
  const auto late = Embed(*embedder_, "a cat");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  inner_->open.Set(true);
  while (embedder_->counters().bytes == 0) std::this_thread::yield();
  ExpectVector(Embed(*embedder_, "a cat"), "a cat");
  EXPECT_EQ(inner_->calls, 1);
}

TEST_F(CachingEmbedderTest, TheLeastRecentlyUsedGoes) {
  MakeOpen();
  ASSERT_TRUE(Embed(*embedder_, "text 0"));
  const std::size_t entry = embedder_->counters().bytes;
  MakeOpen(3 * entry);
  const auto asks = [&](const std::string& text) {
    const int before = inner_->calls;
    ExpectVector(Embed(*embedder_, text), text);
    return inner_->calls != before;
  };
  for (const char* text : {"text 0", "text 1", "text 2"}) EXPECT_TRUE(asks(text));
  EXPECT_EQ(embedder_->counters().bytes, 3 * entry);
  EXPECT_FALSE(asks("text 0"));
  EXPECT_TRUE(asks("text 3"));  // in place of "text 1"
  EXPECT_EQ(embedder_->counters().bytes, 3 * entry);
  EXPECT_FALSE(asks("text 0"));
  EXPECT_FALSE(asks("text 2"));
  EXPECT_TRUE(asks("text 1"));
}

TEST_F(CachingEmbedderTest, NothingIsKeptWithoutRoom) {
  MakeOpen(0);
  for (int i = 0; i < 2; ++i) ExpectVector(Embed(*embedder_, "a cat"), "a cat");
  EXPECT_EQ(inner_->calls, 2);
  EXPECT_EQ(embedder_->counters().bytes, 0u);
}

TEST_F(CachingEmbedderTest, BlankPromptsPassThrough) {
  MakeOpen();
  EXPECT_EQ(Embed(*embedder_, " \n"), Embedding(3, 0.0f));
  EXPECT_EQ(embedder_->counters().misses, 0u);
}

TEST_F(CachingEmbedderTest, ManyThreadsAtOnce) {
  MakeOpen(2'000);  // about ten entries: they come and go
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([this, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = "text " + std::to_string((i * (t + 3)) % 23);
        ExpectVector(Embed(*embedder_, text), text);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  const EmbeddingCounters counters = embedder_->counters();
  EXPECT_EQ(counters.hits + counters.joined + counters.misses, 800u);
  EXPECT_LE(counters.bytes, 2'000u);
}

}  // namespace
}  // namespace reprise
