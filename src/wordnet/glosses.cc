#include "wordnet/glosses.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "wordnet/morphology.h"

namespace reprise {
namespace {

constexpr double kTaggedShare =
    0.45;  // what a sense-tagged occurrence counts against one in a gloss

// Base forms, looked up once each.
class Lemmatizer {
 public:
  explicit Lemmatizer(const WordNetSource& source) : source_(source) {
    for (const SourceException& row : source.exceptions)
      exceptions_.try_emplace(row.form, row.base);
  }

  std::optional<std::uint32_t> operator()(const std::string& form) {
    const auto [at, fresh] = known_.try_emplace(form);
    if (fresh) at->second = Find(form);
    return at->second;
  }

 private:
  std::uint32_t Uses(std::uint32_t word) const {
    std::uint32_t uses = 1;
    for (const Sense& sense : source_.words[word].senses) uses += sense.count;
    return uses;
  }

  std::optional<std::uint32_t> Find(const std::string& form) const {
    std::optional<std::uint32_t> best;
    const auto consider = [&](const std::string& base) {
      const auto found = source_.word_ids.find(base);
      if (found == source_.word_ids.end()) return;
      if (!best || Uses(found->second) > Uses(*best)) best = found->second;
    };
    consider(form);
    if (const auto found = exceptions_.find(form); found != exceptions_.end()) {
      consider(found->second);
    }
    for (PartOfSpeech pos : {PartOfSpeech::kNoun, PartOfSpeech::kVerb, PartOfSpeech::kAdjective}) {
      EachDetached(form, pos, consider);
    }
    return best;
  }

  const WordNetSource& source_;
  std::unordered_map<std::string, std::string> exceptions_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> known_;
};

template <class Visit>
void EachWord(std::string_view text, Visit visit) {
  std::string word;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                        ((c == '-' || c == '\'') && !word.empty());
    if (letter) {
      word.push_back(c);
    } else if (!word.empty()) {
      visit(word);
      word.clear();
    }
  }
  if (!word.empty()) visit(word);
}

bool IsHypernym(const Pointer& pointer) {
  return pointer.symbol == "@" || pointer.symbol == "@i";
}

}  // namespace

std::vector<std::vector<std::uint32_t>> GlossWords(const WordNetSource& source) {
  Lemmatizer lemmatize(source);
  std::vector<std::vector<std::uint32_t>> glosses(source.synsets.size());
  for (std::size_t i = 0; i < glosses.size(); ++i) {
    EachWord(source.synsets[i].gloss, [&](const std::string& word) {
      if (const auto base = lemmatize(word)) glosses[i].push_back(*base);
    });
  }
  return glosses;
}

WordCounts CountWords(const WordNetSource& source,
                      const std::vector<std::vector<std::uint32_t>>& glosses) {
  WordCounts counts{.words = std::vector<double>(source.words.size(), 0)};
  for (const auto& gloss : glosses) {
    for (std::uint32_t word : gloss) counts.words[word] += 1;
  }
  for (std::size_t i = 0; i < source.words.size(); ++i) {
    for (const Sense& sense : source.words[i].senses) {
      counts.words[i] += kTaggedShare * sense.count;
    }
    counts.total += counts.words[i];
  }
  return counts;
}

namespace {

constexpr double kNearGloss = 0.30;

// Sparse vectors of definitions: the words of the gloss and the synset's own, weighted by rarity.
class GlossVectors {
 public:
  GlossVectors(const WordNetSource& source, const std::vector<std::vector<std::uint32_t>>& glosses,
               const WordCounts& counts)
      : vectors_(glosses.size()) {
    for (std::size_t i = 0; i < glosses.size(); ++i) {
      std::unordered_map<std::uint32_t, float> terms;
      const auto add = [&](std::uint32_t word, double share) {
        const double p = counts.words[word] / counts.total;
        terms[word] += static_cast<float>(share * 1e-3 / (1e-3 + p));
      };
      for (std::uint32_t word : glosses[i]) add(word, 1);
      for (std::uint32_t word : source.synsets[i].words) add(word, 1);
      double squares = 0;
      for (const auto& [word, weight] : terms) squares += double{weight} * weight;
      const auto scale = static_cast<float>(squares == 0 ? 0 : 1 / std::sqrt(squares));
      for (const auto& [word, weight] : terms) vectors_[i].push_back({word, weight * scale});
      std::ranges::sort(vectors_[i], {}, &GlossTerm::word);
    }
  }

  double Cosine(std::uint32_t a, std::uint32_t b) const {
    double sum = 0;
    auto x = vectors_[a].begin(), y = vectors_[b].begin();
    while (x != vectors_[a].end() && y != vectors_[b].end()) {
      if (x->word == y->word) sum += double{x->weight} * y->weight;
      const auto at = x->word;
      if (at <= y->word) ++x;
      if (y->word <= at) ++y;
    }
    return sum;
  }

 private:
  std::vector<std::vector<GlossTerm>> vectors_;
};

}  // namespace

std::vector<std::vector<std::uint32_t>> NearSynsets(
    const WordNetSource& source, const std::vector<std::vector<std::uint32_t>>& glosses,
    const WordCounts& counts) {
  const GlossVectors vectors(source, glosses, counts);
  std::vector<std::vector<std::uint32_t>> below(source.synsets.size());
  for (std::uint32_t i = 0; i < below.size(); ++i) {
    for (const Pointer& pointer : source.synsets[i].pointers) {
      if (IsHypernym(pointer)) below[pointer.target].push_back(i);
    }
  }
  std::vector<std::vector<std::uint32_t>> near(source.synsets.size());
  const auto consider = [&](std::uint32_t a, std::uint32_t b) {
    if (a == b || vectors.Cosine(a, b) < kNearGloss) return;
    near[a].push_back(b);
    near[b].push_back(a);
  };
  for (std::uint32_t parent = 0; parent < below.size(); ++parent) {
    const auto& children = below[parent];
    for (std::size_t i = 0; i < children.size(); ++i) {
      for (std::size_t j = i + 1; j < children.size(); ++j) consider(children[i], children[j]);
    }
  }
  for (auto& list : near) {
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return near;
}

}  // namespace reprise
