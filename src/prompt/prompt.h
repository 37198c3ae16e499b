// What a prompt says, as far as matching needs it: normalised text, weighted tokens and the slots
// (negation, numbers, colours, quoted text, names, directions) that must agree before one prompt's
// image may answer another. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wordnet/wordnet.h"

namespace reprise {

// What a word fixes about the picture besides its meaning. Prompts whose slots conflict never share
// an image.
enum class Slot : std::uint8_t {
  kNone,
  kNegation,  // no, not, without, never, ...; the lemma is always "not"
  kCount,     // the lemma is the number in digits: "two" and "2" give "2"
  kOrdinal,   // "first" and "1st" give "1st"
  kColour,
  kSize,       // small/little/tiny ... against big/large/huge ...
  kMedium,     // photograph, watercolor, pixel art, ...
  kDirection,  // left, above, behind, up, into, ...; the lemma is its group, "under" gives "below"
};

// How a word is inflected, as far as its ending tells: "plays" looks like a plural.
enum class Form : std::uint8_t { kBase, kPlural, kVerbal };

struct Token {
  std::string text;         // normalised surface form
  std::string lemma;        // base form without accents: the token that is compared
  float weight = 1;         // how much it says, in (0, 1]: a / (a + p), see classify.cc
  bool content = true;      // false for function words and boilerplate
  bool name = false;        // capitalised inside a sentence, or a word no dictionary knows
  bool possessive = false;  // "dragon's"
  bool hyphen = false;      // joined to the next token: "blue" of "blue-eyed"
  Form form = Form::kBase;
  Slot slot = Slot::kNone;
  std::uint32_t clause = 0;  // counts the commas, full stops and brackets passed
  std::size_t begin = 0;     // byte offset in Prompt::normalized
  // The lemma in WordNet, and of a form with two readings ("building") the other one; kNoWord where
  // WordNet has none.
  WordId word = kNoWord;
  WordId other = kNoWord;
  PartOfSpeech pos = PartOfSpeech::kNoun;  // what the word mostly is, not knowing its sentence
};

// Content words that weigh no more than this (adverbs of manner, "group", "wearing") change a
// picture little when one prompt has them and the other has not.
inline constexpr float kMinorWeight = 0.3f;

// Words of a prompt that are looked at. More than the verifier compares.
inline constexpr std::size_t kMostTokens = 1000;

struct Prompt {
  std::string original;             // exactly as given
  std::string normalized;           // NFKC, case folded, white space collapsed
  std::vector<Token> tokens;        // the first kMostTokens, and the last one's negation
  std::vector<std::string> quoted;  // quoted text, case kept: it is drawn as it stands
};

// Content words that are not minor.
std::size_t CountContent(const Prompt& prompt);

// Never fails: any byte string gives some prompt; invalid UTF-8 becomes U+FFFD. A text with no
// letters or digits ("!!!", an emoji) has its symbols as tokens, so it is never empty unless `text`
// is blank.
Prompt Analyze(std::string_view text);

}  // namespace reprise
