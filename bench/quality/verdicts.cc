// Reads pairs of prompts, one pair a line, parted by a tab; writes for each pair the similarity in
// safe mode, the similarity in hard mode, the cosine of the lexical embeddings, the reason and the
// features of the score, parted by tabs. bench/quality/measure.py and fit.py drive it.
#include <fmt/format.h>

#include <iostream>
#include <numeric>
#include <string>

#include "embed/embedder.h"
#include "prompt/alignment.h"
#include "prompt/lexical_verifier.h"
#include "prompt/prompt.h"
#include "prompt/verifier.h"

namespace {

void Judge(const reprise::Verifier& verifier, const std::string& line) {
  using namespace reprise;
  const std::size_t tab = line.find('\t');
  const Prompt a = Analyze(line.substr(0, tab));
  const Prompt b = Analyze(tab == line.npos ? "" : line.substr(tab + 1));
  const Embedding x = EmbedBuiltIn(a), y = EmbedBuiltIn(b);
  const double cosine = std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  const Verdict safe = verifier.Verify(b, a, MatchMode::kSafe);
  const Verdict hard = verifier.Verify(b, a, MatchMode::kHard);
  fmt::print("{:.4f}\t{:.4f}\t{:.4f}\t{}", safe.similarity, hard.similarity, cosine, safe.reason);
  const Alignment alignment = Align(a, b, Asked::kSecond);
  const Roles roles(a, b, alignment);
  for (double feature : MeasurePair(a, b, alignment, roles)) fmt::print("\t{:.4f}", feature);
  fmt::print("\n");
}

}  // namespace

int main() {
  const auto verifier = reprise::MakeLexicalVerifier();
  for (std::string line; std::getline(std::cin, line);) Judge(*verifier, line);
}
