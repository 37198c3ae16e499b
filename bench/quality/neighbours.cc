// How often the lexical embedding finds a paraphrase among all texts. Reads lines of
// "1<TAB>a<TAB>b" (b rephrases a) and "0<TAB>a<TAB>b" (more texts); prints the share of paraphrases
// whose partner is the nearest, among the ten and among the fifty nearest. bench/quality/measure.py
// drives it.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "embed/embedder.h"
#include "prompt/prompt.h"

namespace {

using reprise::Embedding;

float Dot(const Embedding& a, const Embedding& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class Texts {
 public:
  std::size_t Add(const std::string& text) {
    const auto [at, fresh] = ids_.try_emplace(text, vectors_.size());
    if (fresh) vectors_.push_back(reprise::EmbedBuiltIn(reprise::Analyze(text)));
    return at->second;
  }

  // How many other texts are nearer to `a` than `b` is.
  std::size_t Rank(std::size_t a, std::size_t b) const {
    const float own = Dot(vectors_[a], vectors_[b]);
    std::size_t nearer = 0;
    for (std::size_t i = 0; i < vectors_.size(); ++i) {
      nearer += i != a && i != b && Dot(vectors_[a], vectors_[i]) > own;
    }
    return nearer;
  }

  std::size_t size() const { return vectors_.size(); }

 private:
  std::unordered_map<std::string, std::size_t> ids_;
  std::vector<Embedding> vectors_;
};

}  // namespace

int main() {
  Texts texts;
  std::vector<std::pair<std::size_t, std::size_t>> paraphrases;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tab = line.find('\t', 2);
    if (tab == line.npos) continue;
    const std::size_t a = texts.Add(line.substr(2, tab - 2)), b = texts.Add(line.substr(tab + 1));
    if (line[0] == '1') paraphrases.emplace_back(a, b);
  }
  std::vector<std::size_t> ranks;
  for (const auto& [a, b] : paraphrases) ranks.push_back(texts.Rank(a, b));
  fmt::print("{} texts, recall", texts.size());
  for (std::size_t k : {1, 10, 50}) {
    const auto found = std::ranges::count_if(ranks, [&](std::size_t rank) { return rank < k; });
    fmt::print(" @{} {:.3f}", k, static_cast<double>(found) / static_cast<double>(ranks.size()));
  }
  fmt::print("\n");
}
