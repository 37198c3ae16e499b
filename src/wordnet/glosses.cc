#include "wordnet/glosses.h"

#include <algorithm>
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

}  // namespace reprise
