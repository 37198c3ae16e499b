// Judges pairs of prompts as the semantic tier would when `a` is asked and `b` is stored: same
// embedder, same rounding of the vectors, same verifier, same rule.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/eval_pairs.h"
#include "base/result.h"
#include "cache/judgement.h"
#include "embed/embedder.h"

namespace reprise {

struct JudgedPair {
  LabelledPair pair;
  Verdict verdict;
  double cosine = 0;
};

// For one thread.
class PairJudge {
 public:
  // `context` runs the embedder's tasks. All three outlive the judge.
  PairJudge(Embedder& embedder, const Verifier& verifier, asio::io_context& context)
      : embedder_(embedder), verifier_(verifier), context_(context) {}

  // How many of how many texts are embedded.
  using Progress = std::function<void(std::size_t done, std::size_t all)>;

  // The embedder's error when it fails: half a measurement would mislead.
  Result<std::vector<JudgedPair>> Judge(std::vector<LabelledPair> pairs, const MatchRule& rule,
                                        const Progress& progress = {});

 private:
  // An analysed prompt with its vector as the index keeps it.
  struct Analysed {
    Prompt prompt;
    std::vector<std::uint16_t> vector;
  };

  // Every text once, some at the same time.
  Result<void> Analyse(const std::vector<LabelledPair>& pairs, const Progress& progress);
  Result<void> Embed(const std::vector<Analysed*>& texts);
  Verdict Decide(const LabelledPair& pair, double cosine, const MatchRule& rule) const;
  double Cosine(const Analysed& a, const Analysed& b) const;

  Embedder& embedder_;
  const Verifier& verifier_;
  asio::io_context& context_;
  std::unordered_map<std::string, Analysed> texts_;
};

}  // namespace reprise
