#include "prompt/prompt.h"

#include "prompt/quotes.h"
#include "prompt/text.h"
#include "prompt/tokens.h"

namespace reprise {

Prompt Analyze(std::string_view text) {
  const std::string clean = CleanText(text);
  const std::vector<Quote> quotes = FindQuotes(clean);
  TokenText analysed = MakeTokens(clean, quotes);
  Prompt prompt{.original = std::string(text),
                .normalized = std::move(analysed.normalized),
                .tokens = std::move(analysed.tokens)};
  for (const Quote& quote : quotes) {
    prompt.quoted.emplace_back(clean, quote.begin, quote.end - quote.begin);
  }
  return prompt;
}

}  // namespace reprise
