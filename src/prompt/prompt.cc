#include "prompt/prompt.h"

#include <algorithm>

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

std::size_t CountContent(const Prompt& prompt) {
  return static_cast<std::size_t>(std::ranges::count_if(prompt.tokens, [](const Token& token) {
    return token.content && token.weight > kMinorWeight;
  }));
}

}  // namespace reprise
