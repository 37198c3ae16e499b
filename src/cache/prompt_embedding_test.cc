#include "cache/prompt_embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/log.h"
#include "cache/cache_testing.h"

namespace reprise {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class ThrowingEmbedder final : public Embedder {
 public:
  std::string_view identity() const override { return "throwing/1"; }
  std::size_t dimensions() const override { return 1; }
  Task<Result<Embedding>> Embed(const Prompt&) override {
    throw std::runtime_error("out of luck");
    co_return Embedding();
  }
};

class PromptEmbeddingTest : public testing::Test {
 protected:
  PromptEmbeddingTest() { (void)log::Configure("off", "text"); }
  ~PromptEmbeddingTest() override { io_.Stop(); }

  Result<Embedding> Embed(PromptEmbedding& embedding, milliseconds patience) {
    auto prompt = std::make_shared<const Prompt>(Analyze("a red fox"));
    return RunTask(io_.context(), embedding.Embed(std::move(prompt), patience));
  }

  IoThreads io_{2};
  std::shared_ptr<EmbedderFaults> faults_ = std::make_shared<EmbedderFaults>();
  std::unique_ptr<Embedder> embedder_ = MakeFaultyEmbedder(faults_);
  PromptEmbedding embedding_{*embedder_};
};

TEST_F(PromptEmbeddingTest, GivesTheVectorOrTheError) {
  EXPECT_EQ(Embed(embedding_, hours(1)).value(), EmbedBuiltIn(Analyze("a red fox")));
  faults_->embed = true;
  EXPECT_EQ(Embed(embedding_, hours(1)).error().code, Code::kUnavailable);
  EXPECT_EQ(
      embedding_.ToJson(),
      nlohmann::json({{"calls", 2}, {"errors", 1}, {"timeouts", 0}, {"exact_only_requests", 0}}));
}

TEST_F(PromptEmbeddingTest, AHangingCallIsCutOffAndEndsByItself) {
  const Gate gate = MakeGate();
  faults_->Hold(gate);
  const auto cut = Embed(embedding_, milliseconds(5));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(cut.error().message, testing::HasSubstr("within 5 ms"));
  EXPECT_EQ(embedding_.under_way(), 1u);
  EXPECT_EQ(embedding_.ToJson()["timeouts"], 1);
  gate->Set(true);
  while (embedding_.under_way() > 0) std::this_thread::yield();
}

TEST_F(PromptEmbeddingTest, AnExceptionIsAnError) {
  ThrowingEmbedder throwing;
  PromptEmbedding embedding(throwing);
  const auto failed = Embed(embedding, hours(1));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, testing::HasSubstr("out of luck"));
  while (embedding.under_way() > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace reprise
