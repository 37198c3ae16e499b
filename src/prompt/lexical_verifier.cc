#include "prompt/lexical_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "prompt/aspects.h"
#include "prompt/conflicts.h"
#include "prompt/verifier.h"

namespace reprise {
namespace {

constexpr double kVetoCap = 0.3;
// Parts of the comparison take time with the square of the length; nobody rephrases a page.
constexpr std::size_t kMostCompared = 600;

// Fitted by bench/quality/fit.py, in the order of kPairFeatures.
constexpr double kBias = -1.37;
constexpr PairFeatures kWeights = {2.20,  1.47,  -1.90, -1.00, -0.10, -0.20,
                                   -0.86, -0.50, -0.70, -1.71, -2.28, -1.59};

double Score(const PairFeatures& features) {
  double d = kBias;
  for (std::size_t i = 0; i < features.size(); ++i) d += kWeights[i] * features[i];
  return d;
}

// Calibrated so that d = 0.5 gives 0.85 and d = 0 gives 0.72.
double Calibrate(double d) {
  return 1 / (1 + std::exp(-(1.59 * d + 0.94)));
}

struct Rest {
  double major = 0;
  double adjectives = 0;  // of mild look: what a noun may have besides
  double minor = 0;
  double slots = 0;
  const Token* heaviest = nullptr;
};

// In a long prompt a verb or an adjective says less of the picture; a thing is a thing.
constexpr double kUsualLength = 14;  // content words

Rest Unmatched(const Prompt& prompt, const std::vector<std::int32_t>& partner, bool stored) {
  const std::vector<Token>& tokens = prompt.tokens;
  const double length = static_cast<double>(CountContent(prompt));
  const double share = std::min(1.0, kUsualLength / std::max(1.0, length));
  Rest rest;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (partner[i] != kUnmatched || !token.content) continue;
    // A colour that was not asked for weighs less than one that is lacking.
    const bool adjective = (stored && token.slot == Slot::kColour) || IsMildLook(token);
    const bool scaled = adjective || (token.pos == PartOfSpeech::kVerb && !token.name);
    (token.weight <= kMinorWeight ? rest.minor
     : adjective                  ? rest.adjectives
                                  : rest.major) += scaled ? share : 1;
    rest.slots += token.slot != Slot::kNone && token.slot != Slot::kSize && !adjective;
    if (rest.heaviest == nullptr || token.weight > rest.heaviest->weight) rest.heaviest = &token;
  }
  return rest;
}

Verdict Conclude(const Prompt& a, const Prompt& b, const Alignment& alignment, const Roles& roles) {
  const double similarity = std::min(Calibrate(Score(MeasurePair(a, b, alignment, roles))), 0.999);
  const Token* x = Unmatched(a, alignment.a_to_b, alignment.asked == Asked::kSecond).heaviest;
  const Token* y = Unmatched(b, alignment.b_to_a, alignment.asked == Asked::kFirst).heaviest;
  if (x == nullptr && y == nullptr) {
    return {similarity, false, "paraphrase", "both say the same in other words"};
  }
  if (x != nullptr && y != nullptr) {
    const Conflict words{std::string(KindOf(*x, *y)), x->text, y->text};
    return {similarity, false, Reason(words), Sentence(words)};
  }
  const std::string& word = x != nullptr ? x->text : y->text;
  return {similarity, false, fmt::format("unmatched: {}", word),
          fmt::format("only one speaks of {}", word)};
}

Verdict Veto(Verdict verdict, const Conflict& conflict) {
  return {std::min(verdict.similarity, kVetoCap), true, Reason(conflict), Sentence(conflict)};
}

class LexicalVerifier final : public Verifier {
 public:
  Verdict Verify(const Prompt& a, const Prompt& b, MatchMode mode) const override {
    // One order for both directions, or ties in the alignment could be broken differently.
    const bool swapped = b.normalized < a.normalized;
    const Prompt &x = swapped ? b : a, &y = swapped ? a : b;
    const bool equal = x.normalized == y.normalized;
    if (equal && x.quoted == y.quoted) return {1, false, "equal", "both are the same text"};
    if (mode != MatchMode::kOff && std::max(x.tokens.size(), y.tokens.size()) > kMostCompared) {
      return {0, true, fmt::format("length: {}/{}", a.tokens.size(), b.tokens.size()),
              fmt::format("prompts of more than {} words are matched exactly only", kMostCompared)};
    }
    const Alignment alignment = Align(x, y, swapped ? Asked::kSecond : Asked::kFirst);
    if (mode == MatchMode::kOff) {
      return {alignment.score(), false, "alignment", "compared without looking for conflicts"};
    }
    const Roles roles(x, y, alignment);
    Verdict verdict = Conclude(x, y, alignment, roles);
    std::optional<Conflict> conflict = FindHardConflict(x, y, alignment, roles);
    if (!conflict && mode == MatchMode::kSafe) conflict = FindSafeConflict(x, y, alignment, roles);
    if (!conflict) return verdict;
    const bool sides =
        conflict->kind != "order" && conflict->kind != "binding" && conflict->kind != "arrangement";
    if (!swapped && sides) std::swap(conflict->a, conflict->b);  // what is stored first
    return Veto(std::move(verdict), *conflict);
  }
};

}  // namespace

PairFeatures MeasurePair(const Prompt& a, const Prompt& b, const Alignment& alignment,
                         const Roles& roles) {
  const Rest x = Unmatched(a, alignment.a_to_b, alignment.asked == Asked::kSecond),
             y = Unmatched(b, alignment.b_to_a, alignment.asked == Asked::kFirst);
  return {alignment.score(),
          std::min(alignment.coverage_a, alignment.coverage_b),
          x.major + y.major,
          x.adjectives + y.adjectives,
          x.minor + y.minor,
          static_cast<double>(alignment.broader),
          static_cast<double>(alignment.much_broader),
          std::min(x.major + x.adjectives, y.major + y.adjectives),
          x.slots + y.slots,
          FindPluralDifference(a, b, alignment) ? 1.0 : 0.0,
          roles.Exchange() ? 1.0 : 0.0,
          roles.Rebinding() ? 1.0 : 0.0};
}

std::unique_ptr<Verifier> MakeLexicalVerifier() {
  return std::make_unique<LexicalVerifier>();
}

}  // namespace reprise
