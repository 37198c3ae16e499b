// The project's own pairs, decided as the cache decides them with nothing configured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "app/config.h"
#include "app/eval_judge.h"
#include "app/eval_report.h"
#include "base/io_threads.h"

namespace reprise {
namespace {

Evaluation Measure(const std::string& file) {
  const CacheSettings settings;
  auto pairs = ReadPairs(REPRISE_SOURCE_DIR "/tests/data/" + file);
  EXPECT_TRUE(pairs) << pairs.error().message;
  IoThreads io(2);
  const auto embedder = MakeBuiltInEmbedder();
  const auto verifier = MakeLexicalVerifier();
  PairJudge judge(*embedder, *verifier, io.context());
  const EvalRule rule{.match = {.mode = settings.match_mode, .calibration = settings.calibration},
                      .threshold = settings.similarity_threshold};
  auto judged = judge.Judge(std::move(*pairs), rule.match);
  EXPECT_TRUE(judged) << judged.error().message;
  return Evaluate(std::move(*judged), rule);
}

// The pairs of one label that were decided against it, for the message of a failure.
std::string Wrong(const Evaluation& evaluation, PairLabel label) {
  std::ostringstream out;
  for (const JudgedPair& judged : evaluation.pairs) {
    if (judged.pair.label != label || !evaluation.Wrong(judged)) continue;
    out << "\n"
        << judged.pair.kind << " (" << judged.verdict.reason << "): " << judged.pair.a << "  |  "
        << judged.pair.b;
  }
  return out.str();
}

std::size_t Words(const std::string& text) {
  std::istringstream in(text);
  std::string word;
  std::size_t count = 0;
  while (in >> word) ++count;
  return count;
}

// Seven kinds of conflict at three lengths, each beside a true rephrasing of the same prompt.
TEST(Lengths, EveryConflictHasItsControlAtItsLength) {
  const Evaluation e = Measure("lengths.tsv");
  std::map<std::string, int> conflicts, controls;  // by first prompt
  std::map<std::string, int> kinds;
  for (const JudgedPair& judged : e.pairs) {
    const LabelledPair& pair = judged.pair;
    ++(pair.label == PairLabel::kMiss ? conflicts : controls)[pair.a];
    ++kinds[pair.kind];
    const auto dash = pair.kind.rfind('-');
    const std::size_t length = std::stoul(pair.kind.substr(dash + 1));
    EXPECT_GE(Words(pair.a), length) << pair.a;
    EXPECT_LE(Words(pair.a), length + length / 3 + 2) << pair.a;
  }
  EXPECT_EQ(conflicts, controls);
  for (const std::string kind :
       {"colour", "count", "negation", "antonym", "quoted-text", "spatial", "name"}) {
    for (const char* length : {"-5", "-40", "-80"}) EXPECT_EQ(kinds[kind + length], 4) << kind;
  }
}

TEST(Lengths, ConflictsMissAtEveryLength) {
  const Evaluation e = Measure("lengths.tsv");
  EXPECT_EQ(e.overall.wrong_hits, 0u) << Wrong(e, PairLabel::kMiss);
}

// Refusing everything is no answer: the rephrasings beside the conflicts hit.
TEST(Lengths, RephrasingsHitAtEveryLength) {
  const Evaluation e = Measure("lengths.tsv");
  EXPECT_GE(e.overall.recall().value(), 0.9) << Wrong(e, PairLabel::kHit);
}

TEST(Pairs, RecallIsHighAndFalseHitsAreRare) {
  const Evaluation e = Measure("pairs.tsv");
  EXPECT_GE(e.overall.recall().value(), 0.9) << Wrong(e, PairLabel::kHit);
  EXPECT_LE(e.overall.false_hits().value(), 0.02) << Wrong(e, PairLabel::kMiss);
}

// Written as users write, before anything was known of the rules.
TEST(Fresh, FalseHitsAreRare) {
  const Evaluation e = Measure("fresh.tsv");
  EXPECT_LE(e.overall.false_hits().value(), 0.01) << Wrong(e, PairLabel::kMiss);
  EXPECT_GE(e.overall.recall().value(), 0.65) << Wrong(e, PairLabel::kHit);
}

// Wrong hits that were found and mended, and the rephrasings nearest to them.
TEST(Found, StaysMended) {
  const Evaluation e = Measure("found.tsv");
  EXPECT_EQ(e.overall.wrong_hits, 0u) << Wrong(e, PairLabel::kMiss);
  EXPECT_EQ(e.overall.recall().value(), 1.0) << Wrong(e, PairLabel::kHit);
}

}  // namespace
}  // namespace reprise
