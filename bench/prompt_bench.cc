// What a prompt costs before anything is searched for: analysis, embedding, and the verdict on one
// candidate.
#include <benchmark/benchmark.h>

#include "embed/embedder.h"
#include "prompt/prompt.h"
#include "prompt/verifier.h"

namespace reprise {
namespace {

// Twenty words each.
constexpr const char* kPrompt =
    "A watercolor painting of two small brown dogs chasing a red ball through tall grass near an "
    "old wooden barn";
constexpr const char* kRephrased =
    "Two small brown dogs are chasing the red ball through the tall grass near an old wooden barn, "
    "watercolor painting";
constexpr const char* kAccented =
    "Un café très petit près de la gare, peint à l’aquarelle, avec deux chats noirs et une dame "
    "assise dehors";

void BM_Analyze(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Analyze(kPrompt));
}
BENCHMARK(BM_Analyze);

void BM_AnalyzeUnicode(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Analyze(kAccented));
}
BENCHMARK(BM_AnalyzeUnicode);

void BM_AnalyzeAndEmbed(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(EmbedBuiltIn(Analyze(kPrompt)));
}
BENCHMARK(BM_AnalyzeAndEmbed);

void BM_Verify(benchmark::State& state) {
  const auto verifier = MakeLexicalVerifier();
  const Prompt a = Analyze(kPrompt), b = Analyze(kRephrased);
  for (auto _ : state) benchmark::DoNotOptimize(verifier->Verify(a, b, MatchMode::kSafe));
}
BENCHMARK(BM_Verify);

// A candidate that shares the form of the sentence and few words: nothing decides early.
constexpr const char* kOther =
    "A pencil sketch of three old grey horses crossing a frozen river beside tall pines under a "
    "pale winter moon";

void BM_VerifyDifferent(benchmark::State& state) {
  const auto verifier = MakeLexicalVerifier();
  const Prompt a = Analyze(kPrompt), b = Analyze(kOther);
  for (auto _ : state) benchmark::DoNotOptimize(verifier->Verify(a, b, MatchMode::kSafe));
}
BENCHMARK(BM_VerifyDifferent);

}  // namespace
}  // namespace reprise

BENCHMARK_MAIN();
