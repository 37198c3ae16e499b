// What a prompt says, as far as matching needs it: normalised text, weighted tokens and the slots
// (negation, numbers, colours, quoted text, names, directions) that must agree before one prompt's
// image may answer another. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

struct Token {
  std::string text;      // normalised surface form
  std::string lemma;     // base form: the token that is compared
  float weight = 1;      // how much it says, in (0, 1]: a / (a + p), see tokens.cc
  bool content = true;   // false for function words and boilerplate
  bool name = false;     // capitalised inside a sentence, or a word no dictionary knows
  std::size_t begin = 0; // byte offset in Prompt::normalized
};

struct Prompt {
  std::string original;    // exactly as given
  std::string normalized;  // NFKC, case folded, white space collapsed
  std::vector<Token> tokens;
  std::vector<std::string> quoted;  // quoted text, case kept: it is drawn as it stands
};

// Never fails: any byte string gives some prompt; invalid UTF-8 becomes U+FFFD. A text with no
// letters or digits ("!!!", an emoji) has its symbols as tokens, so it is never empty unless `text`
// is blank.
Prompt Analyze(std::string_view text);

}  // namespace reprise
