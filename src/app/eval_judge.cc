#include "app/eval_judge.h"

#include <algorithm>
#include <future>

#include "index/inner_product.h"

namespace reprise {
namespace {

constexpr std::size_t kAtOnce = 32;  // embeddings under way: a remote embedder may batch them

}  // namespace

Result<std::vector<JudgedPair>> PairJudge::Judge(std::vector<LabelledPair> pairs,
                                                 const MatchRule& rule, const Progress& progress) {
  if (auto analysed = Analyse(pairs, progress); !analysed) {
    return std::unexpected(analysed.error());
  }
  std::vector<JudgedPair> judged;
  judged.reserve(pairs.size());
  for (LabelledPair& pair : pairs) {
    const double cosine = Cosine(texts_.at(pair.a), texts_.at(pair.b));
    Verdict verdict = Decide(pair, cosine, rule);
    judged.push_back({std::move(pair), std::move(verdict), cosine});
  }
  return judged;
}

Result<void> PairJudge::Analyse(const std::vector<LabelledPair>& pairs, const Progress& progress) {
  std::vector<Analysed*> fresh;
  for (const LabelledPair& pair : pairs) {
    for (const std::string& text : {pair.a, pair.b}) {
      const auto [at, added] = texts_.try_emplace(text);
      if (!added) continue;
      at->second.prompt = reprise::Analyze(text);
      fresh.push_back(&at->second);
    }
  }
  for (std::size_t done = 0; done < fresh.size(); done += kAtOnce) {
    const auto end = std::min(fresh.size(), done + kAtOnce);
    const std::vector<Analysed*> batch(fresh.begin() + static_cast<std::ptrdiff_t>(done),
                                       fresh.begin() + static_cast<std::ptrdiff_t>(end));
    if (auto embedded = Embed(batch); !embedded) return embedded;
    if (progress) progress(end, fresh.size());
  }
  return {};
}

Result<void> PairJudge::Embed(const std::vector<Analysed*>& texts) {
  std::vector<std::future<Result<Embedding>>> embeddings;
  for (const Analysed* text : texts) {
    auto promise = std::make_shared<std::promise<Result<Embedding>>>();
    embeddings.push_back(promise->get_future());
    Spawn(Strand(context_), detail::Fulfil(embedder_.Embed(text->prompt), std::move(promise)),
          [](std::exception_ptr) {});
  }
  for (const auto& embedding : embeddings) embedding.wait();  // they refer to the prompts
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto embedding = embeddings[i].get();
    if (!embedding) return std::unexpected(embedding.error());
    texts[i]->vector = ToHalf(*embedding);
  }
  return {};
}

Verdict PairJudge::Decide(const LabelledPair& pair, double cosine, const MatchRule& rule) const {
  if (pair.a == pair.b) return {1, false, "exact", "both are the same request"};
  // The first prompt came first: its picture is stored.
  const Prompt &stored = texts_.at(pair.a).prompt, &asked = texts_.at(pair.b).prompt;
  return JudgePair(verifier_, {asked, stored, cosine}, rule);
}

double PairJudge::Cosine(const Analysed& a, const Analysed& b) const {
  if (a.vector.size() != b.vector.size() || a.vector.empty()) return 0;
  // Rounding to binary16 can give a little more than 1.
  return std::min(1.0f, InnerProduct(a.vector.size())(a.vector.data(), b.vector.data()));
}

}  // namespace reprise
