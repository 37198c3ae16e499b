// Numbers in digits and in English words, so that "two", "2" and "2.0" are one count. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/prompt.h"

namespace reprise {

// "2", "1,000", "2.50" in canonical digits ("2", "1000", "2.5"); nothing for anything else.
std::optional<std::string> CanonicalNumber(std::string_view word);

// "1st", "22nd" and "first" as "1st", "22nd" and "1st"; nothing for anything else.
std::optional<std::string> CanonicalOrdinal(std::string_view word);

// Turns number words into counts: "twenty-one", "a hundred and five", "two dozen", "a couple of".
// A number of several words becomes one token. "one" counts as a number only where it is no
// pronoun, i.e. where a word follows in the same clause.
void JoinNumbers(std::vector<Token>& tokens);

}  // namespace reprise
