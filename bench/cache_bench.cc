// The plain code on the way of a hit: identity, look-up, base64, and the whole semantic decision.
#include <benchmark/benchmark.h>

#include <string>

#include "base/bytes.h"
#include "cache/entry_table.h"
#include "cache/identity.h"
#include "cache/semantic_tier.h"
#include "embed/embedder.h"

namespace reprise {
namespace {

// Prompts from a small grammar, all different.
std::string PromptNumber(std::size_t number) {
  static const char* const kAnimals[] = {"fox", "owl", "bear", "hare", "deer", "wolf", "otter"};
  static const char* const kPlaces[] = {"in the snow", "by a lake", "on a hill", "near a barn",
                                        "under a bridge"};
  static const char* const kStyles[] = {"watercolor", "photo", "pencil sketch", "oil painting"};
  return std::string("a ") + kAnimals[number % 7] + " " + kPlaces[number / 7 % 5] + ", " +
         kStyles[number / 35 % 4] + ", scene number " + std::to_string(number);
}

ImageRequest SampleRequest() {
  ImageRequest request;
  request.model = "gpt-image-1";
  request.prompt = PromptNumber(7);
  request.size = {1024, 1024};
  request.params = R"({"background":"opaque","quality":"high"})";
  return request;
}

void BM_Identity(benchmark::State& state) {
  const ImageRequest request = SampleRequest();
  for (auto _ : state) benchmark::DoNotOptimize(MakeIdentity(request, false));
}
BENCHMARK(BM_Identity);

EntryPtr SampleEntry(std::size_t number) {
  Entry entry;
  entry.id = number + 1;
  entry.prompt = PromptNumber(number);
  entry.fingerprint = Sha256(entry.prompt);
  entry.images.push_back({.id = "image" + std::to_string(number), .media_type = "image/png"});
  return std::make_shared<const CachedEntry>(std::move(entry), std::make_shared<EntryUsage>());
}

void BM_ExactLookup(benchmark::State& state) {
  EntryTable table;
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<Digest> fingerprints;
  for (std::size_t i = 0; i < count; ++i) {
    const EntryPtr entry = SampleEntry(i);
    fingerprints.push_back(entry->record().fingerprint);
    table.Put(entry);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.Find(fingerprints[next]));
    next = (next + 7919) % count;
  }
}
BENCHMARK(BM_ExactLookup)->Arg(1000)->Arg(100'000);

void BM_Base64(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  std::string out;
  for (auto _ : state) {
    out.clear();
    Base64Append(bytes, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Base64)->Arg(100'000);

// Embed, search and verify ten candidates: what a semantic hit adds to an exact one.
void BM_SemanticDecision(benchmark::State& state) {
  EntryTable table;
  const auto verifier = MakeLexicalVerifier();
  const auto embedder = MakeBuiltInEmbedder();
  SemanticTier tier(*verifier, table, embedder->dimensions());
  const Digest partition{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
    const EntryPtr entry = SampleEntry(i);
    table.Put(entry);
    const auto added = tier.Add(partition, entry->record().id,
                                ToHalf(EmbedBuiltIn(Analyze(entry->record().prompt))));
    if (!added) state.SkipWithError(added.error().message.c_str());
  }
  std::size_t next = 0;
  for (auto _ : state) {
    const Prompt prompt = Analyze("please draw " + PromptNumber(next % 500));
    const Embedding embedding = EmbedBuiltIn(prompt);
    benchmark::DoNotOptimize(tier.Find({.partition = partition,
                                        .prompt = prompt,
                                        .embedding = embedding,
                                        .objection = [](const CachedEntry&) { return ""; }}));
    ++next;
  }
}
BENCHMARK(BM_SemanticDecision)->Arg(100)->Arg(1000)->Arg(10'000);

}  // namespace
}  // namespace reprise
