// The analyser, and the verifier on what two lines make a pair.
#include "prompt/prompt.h"
#include "prompt/verifier.h"
#include "targets.h"

namespace reprise::fuzz {

void Prompts(std::string_view bytes) {
  static const auto verifier = MakeLexicalVerifier();
  const auto line = bytes.find('\n');
  const Prompt asked = Analyze(bytes.substr(0, line));
  for (const Token& token : asked.tokens) {
    Promise(token.begin <= asked.normalized.size(), "a token is where its text is");
    Promise(token.weight > 0 && token.weight <= 1, "weights are in (0, 1]");
  }
  Promise(Analyze(bytes).original == bytes, "a prompt keeps what was given");
  if (line == std::string_view::npos) return;
  const Prompt stored = Analyze(bytes.substr(line + 1));
  const Verdict verdict = verifier->Verify(asked, stored, MatchMode::kSafe);
  Promise(verdict.similarity >= 0 && verdict.similarity <= 1, "similarities are in [0, 1]");
}

}  // namespace reprise::fuzz
