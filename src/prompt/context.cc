#include "prompt/context.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "prompt/boilerplate.h"
#include "prompt/classify.h"
#include "prompt/grammar.h"
#include "prompt/lemma.h"
#include "prompt/location.h"
#include "prompt/numbers.h"

namespace reprise {
namespace {

bool Any(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

// "is painting a face" and "drawing the curtains" are no media.
void FindMediumVerbs(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (!Any(token.text, {"painting", "drawing", "rendering"})) continue;
    const bool is = i > 0 && Any(tokens[i - 1].text, {"is", "are", "was", "were", "being"});
    const bool object = i + 1 < tokens.size() &&
                        Any(tokens[i + 1].text, {"a", "an", "the", "his", "her", "their", "some"});
    if (!is && !object) continue;
    token.lemma = token.text.substr(0, token.text.size() - 3);
    token.slot = Slot::kNone;
    token.form = Form::kVerbal;
  }
}

// "young" and "little" say nothing new about a boy or a puppy.
void FindImpliedYouth(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const bool youth = Any(tokens[i].text, {"young", "little"});
    if (youth && Any(tokens[i + 1].lemma,
                     {"boy", "girl", "child", "kid", "baby", "toddler", "puppy", "kitten"})) {
      tokens[i].weight = kMinorWeight;
    }
  }
}

bool IsVerb(WordId word) {
  if (word == kNoWord) return false;
  const auto senses = WordNet::BuiltIn().Senses(word);
  return std::ranges::any_of(senses, [](const Sense& s) { return s.pos == PartOfSpeech::kVerb; });
}

// "the recruits" are no verb, nor is "a play".
void FindNouns(std::vector<Token>& tokens) {
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    const Token& before = tokens[i - 1];
    const bool led = IsDeterminer(before.text) || before.slot == Slot::kCount || before.possessive;
    if (!token.content || !led || token.text.ends_with("ing") || token.text.ends_with("ed"))
      continue;
    if (token.form == Form::kVerbal && token.text.ends_with('s')) token.form = Form::kPlural;
    if (token.form != Form::kVerbal && token.pos == PartOfSpeech::kVerb) {
      token.pos = PartOfSpeech::kNoun;
    }
  }
}

// "a man slices an onion": no plural.
void FindVerbs(std::vector<Token>& tokens) {
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    Token& token = tokens[i];
    const Token& before = tokens[i - 1];
    const bool subject = before.content && before.form == Form::kBase && !before.possessive &&
                         before.slot == Slot::kNone && before.pos == PartOfSpeech::kNoun;
    const bool object = IsDeterminer(tokens[i + 1].text);
    if (object && token.form == Form::kBase && token.slot == Slot::kNone &&
        token.text.ends_with("ing") && token.other != kNoWord && before.content &&
        before.pos == PartOfSpeech::kNoun && IsVerb(token.other)) {
      token.lemma = WordNet::BuiltIn().Text(token.other);
      token.word = std::exchange(token.other, kNoWord);
      token.form = Form::kVerbal;
      token.pos = PartOfSpeech::kVerb;
    }
    if (token.form == Form::kPlural && token.slot == Slot::kNone && token.text.ends_with('s') &&
        subject && object && IsVerb(token.word)) {
      token.form = Form::kVerbal;
      token.pos = PartOfSpeech::kVerb;
    }
  }
}

// "sitting on a sofa" says little more than "on a sofa".
void FindPostures(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const bool posture = tokens[i].form == Form::kVerbal &&
                         Any(tokens[i].lemma, {"sit", "stand", "perch", "rest", "lie"});
    if (posture && tokens[i + 1].slot == Slot::kDirection) tokens[i].weight = kMinorWeight;
  }
}

// Words that say little only as part of a phrase: "a group of", "made of", "painted in", "looks
// young"; but "a painted face", "a full moon".
void FindLinkingWords(std::vector<Token>& tokens) {
  constexpr float kUsualWeight = 0.8f;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (!token.content || token.slot != Slot::kNone) continue;
    const std::string_view next = i + 1 < tokens.size() ? std::string_view(tokens[i + 1].text) : "";
    const bool colour = (i + 1 < tokens.size() && tokens[i + 1].slot == Slot::kColour) ||
                        (i > 0 && tokens[i - 1].slot == Slot::kColour);
    bool links = true;
    if (Any(token.text, {"kind", "sort", "type", "set", "group", "bunch", "herd", "flock", "piece",
                         "bit", "lot", "middle", "side"})) {
      links = next == "of";
    } else if (Any(token.text, {"made", "used", "designed", "built", "full", "filled", "covered",
                                "shot", "dressed", "clad"})) {
      links = Any(next, {"of", "for", "with", "by", "in", "from", "on", "at", "to", "inside",
                         "into", "through"});
    } else if (Any(token.text, {"located", "situated", "placed", "positioned"})) {
      links = i + 1 < tokens.size() && SaysLocation(tokens[i + 1]);
    } else if (token.text == "style") {
      links = i > 0 && tokens[i - 1].slot == Slot::kMedium;  // "in oil painting style"
    } else if (Any(token.text, {"painted", "dyed", "colored"})) {
      links = colour || Any(next, {"in", "with", "by"});
    } else if (Any(token.text, {"looks", "looking", "seems", "appears"})) {
      links = i + 1 < tokens.size() && tokens[i + 1].pos == PartOfSpeech::kAdjective;
    }
    if (!links) token.weight = std::max(token.weight, kUsualWeight);
  }
}

// "living room", "teddy bear", "pop art": no verbs.
void FindCollocations(std::vector<Token>& tokens) {
  const WordNet& net = WordNet::BuiltIn();
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    Token &first = tokens[i], &second = tokens[i + 1];
    const bool may = first.content && second.content && first.clause == second.clause &&
                     first.slot == Slot::kNone && second.slot == Slot::kNone &&
                     second.form != Form::kVerbal;
    const bool verb = first.form == Form::kVerbal || first.pos == PartOfSpeech::kVerb ||
                      second.pos == PartOfSpeech::kVerb;
    if (!may || !verb) continue;
    const WordId word = net.Find(first.text + " " + second.lemma);
    if (word == kNoWord || UsualPartOfSpeech(word) != PartOfSpeech::kNoun) continue;
    first.form = Form::kBase;
    first.pos = PartOfSpeech::kAdjective;
    second.pos = PartOfSpeech::kNoun;
  }
}

// "a close up", "a close-up" and "a closeup" are one thing, and so are two names of one.
void JoinParts(std::vector<Token>& tokens) {
  struct Whole {
    std::string_view first, second, whole;
    bool apart;  // also without a hyphen
  };
  static constexpr auto kWholes =
      std::to_array<Whole>({{"close", "up", "closeup", true},
                            {"photo", "realistic", "photorealistic", true},
                            {"hyper", "realistic", "hyperrealistic", true},
                            {"pick", "up", "pickup", false},
                            {"northern", "lights", "aurora", true},
                            {"aurora", "borealis", "aurora", true},
                            {"fairy", "lights", "fairylights", true},
                            {"string", "lights", "fairylights", true},
                            {"bubble", "tea", "boba", true},
                            {"boba", "tea", "boba", true}});
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto is = [&](const Whole& row) {
      const Token& first = tokens[kept - 1];
      return first.text == row.first && tokens[i].text == row.second &&
             first.clause == tokens[i].clause && (row.apart || first.hyphen);
    };
    const auto found = kept > 0 ? std::ranges::find_if(kWholes, is) : kWholes.end();
    if (found != kWholes.end()) {
      Token& first = tokens[kept - 1];
      Token whole{.text = std::string(found->whole), .clause = first.clause, .begin = first.begin};
      Classify(whole);
      whole.text = first.text;  // as it stands
      whole.hyphen = tokens[i].hyphen;
      first = std::move(whole);
      continue;
    }
    if (kept != i) tokens[kept] = std::move(tokens[i]);
    ++kept;
  }
  tokens.resize(kept);
}

// "a product shot" is a photograph, "line art" a drawing.
void FindMediumNames(std::vector<Token>& tokens) {
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    const std::string_view before = tokens[i - 1].text;
    std::string_view medium;
    if (token.text == "shot" && Any(before, {"product", "studio", "macro", "drone"})) {
      medium = "photograph";
    } else if (token.text == "art" && before == "line") {
      medium = "drawing";
    }
    if (medium.empty() || tokens[i - 1].clause != token.clause) continue;
    Token named{.text = std::string(medium), .clause = token.clause, .begin = token.begin};
    Classify(named);
    named.text = token.text;  // as it stands
    token = std::move(named);
  }
}

// What has one form for one and for many is one only where an article says so.
void FindPlurals(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    const bool bare = Any(token.text, {"sheep", "deer", "fish", "moose", "elk", "bison", "salmon",
                                       "trout", "shrimp", "squid", "swine", "aircraft"});
    if (!bare || token.form != Form::kBase || token.possessive) continue;
    // As the modifier of another noun it has no number.
    if (i + 1 < tokens.size() && tokens[i + 1].clause == token.clause && tokens[i + 1].content &&
        tokens[i + 1].form != Form::kVerbal) {
      continue;
    }
    std::size_t at = i;
    while (at > 0 && tokens[at - 1].clause == token.clause && tokens[at - 1].content &&
           tokens[at - 1].slot != Slot::kCount) {
      --at;
    }
    const std::string_view before = at > 0 ? std::string_view(tokens[at - 1].text) : "";
    if (IsDeterminer(before) || Any(before, {"one", "1", "each", "every", "that"})) {
      continue;
    }
    token.form = Form::kPlural;
  }
}

// "about to jump": it does not yet.
void FindIntentions(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].text != "about" || tokens[i + 1].text != "to") continue;
    tokens[i].slot = Slot::kNegation;
    tokens[i].lemma = "not";
  }
}

// Prompts of function words or praise alone ("the who") still say something by them.
void EnsureContent(std::vector<Token>& tokens) {
  if (std::ranges::any_of(tokens, &Token::content)) return;
  for (Token& token : tokens) {
    token.content = true;
    token.weight = 1;
  }
}

}  // namespace

void ReadInContext(std::vector<Token>& tokens) {
  JoinParts(tokens);
  FindMediumNames(tokens);
  FindMediumVerbs(tokens);
  FindNouns(tokens);
  FindCollocations(tokens);
  FindVerbs(tokens);
  FindImpliedYouth(tokens);
  FindPostures(tokens);
  FindLinkingWords(tokens);
  FindIntentions(tokens);
  MarkBoilerplate(tokens);
  JoinNumbers(tokens);
  FindPlurals(tokens);
  EnsureContent(tokens);
}

}  // namespace reprise
