#include "prompt/alignment.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "prompt/lexicon.h"
#include "prompt/relation.h"
#include "prompt/similarity.h"

namespace reprise {
namespace {

constexpr std::size_t kMostLeftOver = 24;
constexpr std::size_t kMostCandidates = 8;  // equal words looked at to find the best in context
constexpr std::size_t kFewPairs = 36;
constexpr double kLeastEqual = 0.3;  // share of either side that is equal
constexpr double kMisspeltCredit = 0.95;
constexpr double kSynonymCredit = 0.96;
constexpr double kDerivedCredit = 0.9;
constexpr double kBroaderCredit[] = {0.8, 0.65, 0.5};  // by the steps between the two

using Tokens = std::vector<Token>;

class Aligner {
 public:
  Aligner(const Tokens& a, const Tokens& b, Asked asked) : a_(a), b_(b), asked_(asked) {
    result_.asked = asked;
    result_.a_to_b.assign(a.size(), kUnmatched);
    result_.b_to_a.assign(b.size(), kUnmatched);
    credit_a_.assign(a.size(), 0);
    credit_b_.assign(b.size(), 0);
  }

  Alignment Run() {
    MatchEqual();
    MatchLeftOver();
    result_.coverage_a = Coverage(a_, credit_a_);
    result_.coverage_b = Coverage(b_, credit_b_);
    return std::move(result_);
  }

 private:
  void Match(std::size_t i, std::size_t j, double credit) {
    result_.a_to_b[i] = static_cast<std::int32_t>(j);
    result_.b_to_a[j] = static_cast<std::int32_t>(i);
    credit_a_[i] = credit_b_[j] = credit;
  }

  // Equal neighbours tell which of several equal words is meant, a modifier before it most.
  int Context(std::size_t i, std::size_t j) const {
    const auto equal = [&](std::size_t x, std::size_t y, int content) {
      return a_[x].lemma != b_[y].lemma ? 0 : a_[x].content ? content : 1;
    };
    int context = 8 * (a_[i].form == b_[j].form);
    if (i > 0 && j > 0) context += equal(i - 1, j - 1, 4);
    if (i + 1 < a_.size() && j + 1 < b_.size()) context += equal(i + 1, j + 1, 3);
    return context;
  }

  void MatchEqual() {
    std::vector<std::int32_t> order(b_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto lemma = [&](std::int32_t j) { return std::string_view(b_[j].lemma); };
    std::ranges::sort(order, {}, [&](std::int32_t j) { return std::pair(lemma(j), j); });
    std::vector<std::int32_t> used(b_.size(), 0);  // of a run of equal words, where the free begin
    // "deserted" and "desert" have one base, so equal texts come first.
    for (bool same_text : {true, false}) {
      for (std::size_t i = 0; i < a_.size(); ++i) {
        if (result_.a_to_b[i] != kUnmatched) continue;
        const auto run = std::ranges::equal_range(order, std::string_view(a_[i].lemma), {}, lemma);
        if (run.empty()) continue;
        std::int32_t& start = used[run.begin() - order.begin()];
        MatchBest(i, std::span(run.begin(), run.end()), same_text, start);
      }
    }
  }

  void MatchBest(std::size_t i, std::span<const std::int32_t> run, bool same_text,
                 std::int32_t& start) {
    while (start < std::ssize(run) && result_.b_to_a[run[start]] != kUnmatched) ++start;
    std::int32_t best = kUnmatched;
    int best_context = -1;
    std::size_t seen = 0;
    for (std::size_t r = start; r < run.size() && seen < kMostCandidates; ++r) {
      if (result_.b_to_a[run[r]] != kUnmatched) continue;
      ++seen;
      if (same_text && a_[i].text != b_[run[r]].text) continue;
      const int context = Context(i, run[r]);
      if (context > best_context) {
        best = run[r];
        best_context = context;
      }
    }
    if (best != kUnmatched) Match(i, best, 1);
  }

  static std::vector<std::size_t> LeftOver(const Tokens& tokens,
                                           const std::vector<std::int32_t>& partner) {
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (partner[i] == kUnmatched && tokens[i].content) left.push_back(i);
    }
    return left;
  }

  void MatchLeftOver() {
    const std::vector<std::size_t> left = LeftOver(a_, result_.a_to_b);
    const std::vector<std::size_t> right = LeftOver(b_, result_.b_to_a);
    if (std::max(left.size(), right.size()) > kMostLeftOver) return;
    // So little in common that no synonyms make it one picture.
    const bool apart = std::max(Coverage(a_, credit_a_), Coverage(b_, credit_b_)) < kLeastEqual;
    if (apart && left.size() * right.size() > kFewPairs) return;
    for (std::size_t i : left) {
      for (std::size_t j : right) {
        if (result_.a_to_b[i] != kUnmatched || result_.b_to_a[j] != kUnmatched) continue;
        MatchSimilar(i, j);
      }
    }
    MatchRelated(left, right);
    for (std::size_t i : left) {
      if (result_.a_to_b[i] != kUnmatched) continue;
      const std::size_t j = FindImplying(a_[i], b_, result_.b_to_a);
      if (j < b_.size()) Match(i, j, kDerivedCredit);
    }
    for (std::size_t j : right) {
      if (result_.b_to_a[j] != kUnmatched) continue;
      const std::size_t i = FindImplying(b_[j], a_, result_.a_to_b);
      if (i < a_.size()) Match(i, j, kDerivedCredit);
    }
  }

  // A preposition that only the other prompt has and that says as much as the verb: "riding a
  // horse", "on a horse"; "holding a cup", "with a cup".
  static std::size_t FindImplying(const Token& verb, const Tokens& others,
                                  const std::vector<std::int32_t>& partner) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kImplied = {
        {{"ride", "on"}, {"hold", "with"}, {"carry", "with"}, {"have", "with"}, {"wear", "in"}}};
    for (const auto& [lemma, preposition] : kImplied) {
      if (verb.lemma != lemma) continue;
      for (std::size_t i = 0; i < others.size(); ++i) {
        if (partner[i] == kUnmatched && others[i].text == preposition) return i;
      }
    }
    return others.size();
  }

  struct Candidate {
    double credit;
    std::size_t i, j;
    Relatedness related;
  };

  // Best first, each word once.
  void MatchRelated(const std::vector<std::size_t>& left, const std::vector<std::size_t>& right) {
    std::vector<Candidate> candidates;
    for (std::size_t i : left) {
      for (std::size_t j : right) {
        if (result_.a_to_b[i] != kUnmatched || result_.b_to_a[j] != kUnmatched) continue;
        if (a_[i].slot != Slot::kNone || b_[j].slot != Slot::kNone) continue;
        const Relatedness related = Relate(a_[i], b_[j]);
        if (related.relation == Relation::kBroader &&
            (AsksForKind(related) || AreOtherVoices(i, j))) {
          continue;
        }
        const double credit = Credit(related);
        if (credit > 0) candidates.push_back({credit, i, j, related});
      }
    }
    std::ranges::sort(candidates, {},
                      [](const Candidate& c) { return std::tuple(-c.credit, c.i, c.j); });
    for (const auto& [credit, i, j, related] : candidates) {
      if (result_.a_to_b[i] != kUnmatched || result_.b_to_a[j] != kUnmatched) continue;
      Match(i, j, credit);
      if (related.relation != Relation::kBroader) continue;
      (related.distance == 1 ? result_.broader : result_.much_broader) += 1;
    }
  }

  // "a parked car" is no kind of "a moving car".
  bool AreOtherVoices(std::size_t i, std::size_t j) const {
    const auto ing = [](const Token& token) { return token.text.ends_with("ing"); };
    return (IsPastModifier(a_, i) && ing(b_[j])) || (IsPastModifier(b_, j) && ing(a_[i]));
  }

  static bool IsPastModifier(const Tokens& tokens, std::size_t i) {
    const Token& token = tokens[i];
    if (token.form != Form::kVerbal || token.text.ends_with("ing") || token.text.ends_with('s')) {
      return false;
    }
    return i + 1 < tokens.size() && tokens[i + 1].content && tokens[i + 1].clause == token.clause &&
           tokens[i + 1].pos == PartOfSpeech::kNoun && tokens[i + 1].form != Form::kVerbal;
  }

  // Is the word that is asked for a kind of what is stored?
  bool AsksForKind(const Relatedness& related) const {
    return related.first_kind == (asked_ == Asked::kFirst);
  }

  static double Credit(const Relatedness& related) {
    switch (related.relation) {
      case Relation::kSynonym:
        return kSynonymCredit;
      case Relation::kDerived:
        return kDerivedCredit;
      case Relation::kBroader:
        return kBroaderCredit[related.distance - 1];
      default:
        return 0;
    }
  }

  void MatchSimilar(std::size_t i, std::size_t j) {
    const Token &x = a_[i], &y = b_[j];
    const bool plain = x.slot == Slot::kNone && y.slot == Slot::kNone && !x.name && !y.name;
    const bool known = x.word != kNoWord && y.word != kNoWord;  // two words, not one misspelt
    if ((plain && !known && IsMisspelling(x.lemma, y.lemma)) || IsSlip(x, y) || IsSlip(y, x)) {
      Match(i, j, kMisspeltCredit);
    } else if (j > 0 && IsCompound(x, b_[j - 1], y)) {
      Match(i, j, 1);
      result_.b_to_a[j - 1] = static_cast<std::int32_t>(i);
      credit_b_[j - 1] = 1;
    } else if (i > 0 && IsCompound(y, a_[i - 1], x)) {
      Match(i, j, 1);
      result_.a_to_b[i - 1] = static_cast<std::int32_t>(j);
      credit_a_[i - 1] = 1;
    }
  }

  // A word no dictionary has beside one it has.
  static bool IsSlip(const Token& unknown, const Token& known) {
    return unknown.word == kNoWord && known.word != kNoWord && unknown.slot == Slot::kNone &&
           !unknown.name && !known.name && IsMisspellingOf(unknown.text, known.text);
  }

  static bool IsJoined(std::string_view whole, std::string_view first, std::string_view second) {
    return whole.size() == first.size() + second.size() && whole.starts_with(first) &&
           whole.ends_with(second);
  }

  // "sunglasses" is "sun glasses", but "lighthouse" is no "light house".
  static bool IsCompound(const Token& whole, const Token& first, const Token& second) {
    const bool joins = IsJoined(whole.lemma, first.text, second.lemma) ||
                       IsJoined(whole.text, first.text, second.text);
    if (!joins || first.clause != second.clause) return false;
    const LexiconEntry* entry = FindWord(first.text);
    return entry == nullptr || !(entry->adjective || entry->slot != Slot::kNone);
  }

  static double Coverage(const Tokens& tokens, const std::vector<double>& credit) {
    double covered = 0, all = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      covered += tokens[i].weight * credit[i];
      all += tokens[i].weight;
    }
    return all == 0 ? 0 : covered / all;
  }

  const Tokens& a_;
  const Tokens& b_;
  const Asked asked_;
  Alignment result_;
  std::vector<double> credit_a_, credit_b_;
};

}  // namespace

Alignment Align(const Prompt& a, const Prompt& b, Asked asked) {
  return Aligner(a.tokens, b.tokens, asked).Run();
}

}  // namespace reprise
