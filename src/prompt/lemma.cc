#include "prompt/lemma.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "wordnet/morphology.h"

namespace reprise {
namespace {

constexpr std::string_view kNone = "";

bool IsVowel(char c) {
  return std::string_view("aeiou").contains(c);
}
bool HasVowel(std::string_view word) {
  return word.find_first_of("aeiouy") != std::string_view::npos;
}

// Groups of vowels, about the number of syllables of a stem.
int VowelGroups(std::string_view word) {
  int groups = 0;
  bool in_group = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool vowel = IsVowel(word[i]) || (word[i] == 'y' && i > 0);
    groups += vowel && !in_group;
    in_group = vowel;
  }
  return groups;
}

// Forms that WordNet reads otherwise than prompts mean them; a plural noun where the base is marked
// with '+'.
constexpr auto kListed = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"people", "+person"},  {"persons", "+person"},   {"men", "+man"},
    {"women", "+woman"},    {"leaves", "+leaf"},      {"axes", "+ax"},
    {"selfies", "+selfie"}, {"elves", "+elf"},        {"dwarves", "+dwarf"},
    {"saw", "saw"},         {"painting", "painting"}, {"paintings", "+painting"},
    {"drawing", "drawing"}, {"drawings", "+drawing"}, {"colored", "colored"},
    {"dressed", "dressed"}, {"wore", "wear"},         {"worn", "wear"},
    {"news", "news"},       {"glasses", "+glass"},    {"during", "during"},
    {"evening", "evening"}, {"rose", "rose"},         {"seed", "seed"},
    {"wedding", "wedding"}, {"building", "building"}, {"striped", "striped"},
    {"leaning", "lean"},
});

bool NeedsE(std::string_view stem) {
  const std::size_t n = stem.size();
  const char last = stem[n - 1], before = stem[n - 2];
  if (last == 'c' || last == 'v' || last == 'u' || (last == 'z' && before != 'z')) return true;
  if (last == 's') return before != 's' && (IsVowel(before) || before == 'r' || before == 'n');
  if (last == 'l' && !IsVowel(before)) return std::string_view("bcdfgkptz").contains(before);
  if (last == 'g') return before == 'd' || before == 'r' || (before == 'a' && n > 3);
  if (!IsVowel(before) || IsVowel(last) || std::string_view("wxyh").contains(last)) return false;
  if (n >= 3 && IsVowel(stem[n - 3])) return false;  // wear, float
  if (VowelGroups(stem) == 1) return true;           // rid, smil: a doubled letter would show "sit"
  return (last == 't' && before == 'a') || (last == 'd' && before == 'i') ||
         (last == 'k' && before == 'a') || (last == 't' && before == 'u');
}

std::string Stem(std::string_view stem) {
  const std::size_t n = stem.size();
  const char last = stem[n - 1];
  const bool doubled = n >= 3 && last == stem[n - 2] && !IsVowel(last);
  if (doubled && last != 's' && last != 'z' && last != 'f') {
    const bool keeps = last == 'l' && VowelGroups(stem) == 1;  // roll, pull; but travel
    return std::string(stem.substr(0, keeps ? n : n - 1));
  }
  std::string base(stem);
  if (!doubled && NeedsE(stem)) base += 'e';
  return base;
}

Lemma Plural(std::string_view word) {
  const auto cut = [&](std::size_t letters, std::string_view end = kNone) {
    return Lemma{std::string(word.substr(0, word.size() - letters)).append(end), Form::kPlural};
  };
  if (word.ends_with("ies") && word.size() > 4) return cut(3, "y");
  for (std::string_view end : {"sses", "xes", "ches", "shes", "oes"}) {
    if (word.ends_with(end)) return cut(2);
  }
  return cut(1);
}

Lemma Verbal(std::string_view word, std::size_t ending) {
  if (word.ends_with("ied"))
    return {std::string(word.substr(0, word.size() - 3)) + "y", Form::kVerbal};
  return {Stem(word.substr(0, word.size() - ending)), Form::kVerbal};
}

bool EndsInPluralS(std::string_view word) {
  if (word.size() < 4 || !word.ends_with('s')) return false;
  return !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is");
}

std::optional<Lemma> Listed(std::string_view word) {
  const auto found = std::ranges::find(kListed, word, [](const auto& row) { return row.first; });
  if (found == kListed.end()) return std::nullopt;
  const bool plural = found->second.starts_with('+');
  const Form form = plural ? Form::kPlural : word == found->second ? Form::kBase : Form::kVerbal;
  return Lemma{std::string(found->second.substr(plural)), form};
}

Lemma ByRules(std::string_view word) {
  const Lemma as_is{std::string(word)};
  if (word.size() < 4) return as_is;
  if (word.ends_with("men"))
    return {std::string(word.substr(0, word.size() - 2)) + "an", Form::kPlural};
  if (EndsInPluralS(word)) return Plural(word);
  const bool ing = word.ends_with("ing") && word.size() > 4;
  const bool ed = word.ends_with("ed") && !word.ends_with("eed");
  if (!ing && !ed) return as_is;
  const std::size_t ending = ing ? 3 : 2;
  const std::string_view stem = word.substr(0, word.size() - ending);
  return stem.size() >= 2 && HasVowel(stem) ? Verbal(word, ending) : as_is;
}

// ---- WordNet ----

// What a form may be, and how often its base was seen as that.
struct WordReading {
  WordId word = kNoWord;
  Form form = Form::kBase;
  double uses = 0;
};

double Uses(WordId word, PartOfSpeech pos) {
  double uses = 0;
  bool any = false;
  for (const Sense& sense : WordNet::BuiltIn().Senses(word)) {
    if (sense.pos != pos) continue;
    any = true;
    uses += sense.count;
  }
  return any ? uses + 0.5 : 0;
}

class Readings {
 public:
  explicit Readings(std::string_view form) : form_(form) {
    AddItself();
    for (const IrregularForm& row : net_.Irregular(form)) Add(row.word, row.pos);
    for (PartOfSpeech pos : {PartOfSpeech::kNoun, PartOfSpeech::kVerb, PartOfSpeech::kAdjective}) {
      EachDetached(form, pos, [&](const std::string& base) {
        const WordId word = net_.Find(base);
        if (word != kNoWord) Add(word, pos);
      });
    }
  }

  bool empty() const { return best_.word == kNoWord; }

  Lemma Result() const {
    return {std::string(net_.Text(best_.word)), best_.form, best_.word, second_.word};
  }

 private:
  // "building" is rather the noun than a form of "build", "running" rather a form of "run".
  static constexpr double kNounPreference = 3;
  static constexpr double kFormPreference = 4;

  void AddItself() {
    const WordId word = net_.Find(form_);
    if (word == kNoWord) return;
    const double noun = Uses(word, PartOfSpeech::kNoun), verb = Uses(word, PartOfSpeech::kVerb);
    const double rest = Uses(word, PartOfSpeech::kAdjective) + Uses(word, PartOfSpeech::kAdverb);
    Consider({word, Form::kBase, noun * kNounPreference + verb + rest});
  }

  void Add(WordId word, PartOfSpeech pos) {
    const double uses = Uses(word, pos);
    if (uses == 0) return;
    if (pos == PartOfSpeech::kNoun) {
      Consider({word, Form::kPlural, uses * kFormPreference});
    } else if (pos == PartOfSpeech::kVerb) {
      // "plays" may be a plural too, "chops" hardly.
      const bool plural = form_.ends_with('s') && Uses(word, PartOfSpeech::kNoun) >= uses;
      Consider({word, plural ? Form::kPlural : Form::kVerbal, uses * kFormPreference});
    } else {
      Consider({word, Form::kBase, uses});
    }
  }

  void Consider(WordReading reading) {
    if (reading.word == best_.word) {
      if (reading.uses > best_.uses) best_ = reading;
    } else if (best_.word == kNoWord || reading.uses > best_.uses) {
      second_ = std::exchange(best_, reading);
    } else if (reading.word != second_.word &&
               (second_.word == kNoWord || reading.uses > second_.uses)) {
      second_ = reading;
    }
  }

  const WordNet& net_ = WordNet::BuiltIn();
  const std::string_view form_;
  WordReading best_, second_;
};

}  // namespace

PartOfSpeech UsualPartOfSpeech(WordId word) {
  PartOfSpeech usual = PartOfSpeech::kNoun;
  if (word == kNoWord) return usual;
  double most = 0;
  for (PartOfSpeech pos : {PartOfSpeech::kNoun, PartOfSpeech::kVerb, PartOfSpeech::kAdjective,
                           PartOfSpeech::kAdverb}) {
    const double uses = Uses(word, pos);
    if (uses > most) usual = pos;
    most = std::max(most, uses);
  }
  return usual;
}

Lemma Lemmatize(std::string_view word) {
  const WordNet& net = WordNet::BuiltIn();
  if (auto listed = Listed(word)) {
    listed->word = net.Find(listed->base);
    if (listed->base == word && word.ends_with("ing")) {
      listed->other = net.Find(ByRules(word).base);  // "students building a bridge"
    }
    return *listed;
  }
  const Readings readings(word);
  return readings.empty() ? ByRules(word) : readings.Result();
}

}  // namespace reprise
