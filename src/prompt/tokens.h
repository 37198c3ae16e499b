// Makes the weighted, classified tokens of a prompt out of its segments. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompt/prompt.h"
#include "prompt/quotes.h"

namespace reprise {

struct TokenText {
  std::string normalized;  // the clean text, case folded
  std::vector<Token> tokens;
};

// `clean` comes from CleanText, `quotes` from FindQuotes(clean).
TokenText MakeTokens(std::string_view clean, const std::vector<Quote>& quotes);

}  // namespace reprise
