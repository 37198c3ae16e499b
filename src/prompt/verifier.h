// Decides whether two prompts ask for the same picture. Stands behind every embedder, because no
// cosine can tell "a blue car" from "a grey car". Pure and thread-safe; it fails closed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "prompt/prompt.h"

namespace reprise {

enum class MatchMode {
  kOff,   // no verification: the caller decides by cosine alone
  kHard,  // hard vetoes
  kSafe,  // hard vetoes and those that cost some recall; the default
};

struct Verdict {
  // Calibrated probability-like similarity in [0, 1]: 1.0 for equal normalised text, at most 0.3
  // after a veto. Compared with the configured threshold (default 0.85).
  double similarity = 0;
  bool vetoed = false;
  // Machine-readable: "equal", "paraphrase", "colour: blue/grey", "count: 2/3", "unmatched: hat".
  // What is stored stands first, what is asked second.
  std::string reason;
  // The same for people: "one asks for blue, the other for grey".
  std::string sentence;
};

class Verifier {
 public:
  virtual ~Verifier() = default;
  // Whether the picture made for `stored` answers `asked`. The two may change places without
  // changing the verdict, but for words of which one names a kind of the other: a picture of a
  // poodle answers "a dog", not the reverse.
  virtual Verdict Verify(const Prompt& asked, const Prompt& stored, MatchMode mode) const = 0;
};

// The built-in verifier: alignment of equal and related words (WordNet and lists of near synonyms),
// vetoes, calibrated similarity.
std::unique_ptr<Verifier> MakeLexicalVerifier();

}  // namespace reprise
