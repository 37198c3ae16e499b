// How alike two words are when their lemmas differ. What a dictionary adds belongs here. Pure.
#pragma once

#include <string_view>

namespace reprise {

// Is one word very likely a slip of the pen for the other, as "elefant" for "elephant"? Strict, for
// many words lie one letter apart: both words are long, begin and end alike, and differ by one edit
// or by letters that sound the same. Symmetric; bounded by the length of the longer word.
bool IsMisspelling(std::string_view a, std::string_view b);

// The same where a dictionary has only one of the two, so that less is needed: four letters, one
// edit, or two in long words.
bool IsMisspellingOf(std::string_view unknown, std::string_view known);

}  // namespace reprise
