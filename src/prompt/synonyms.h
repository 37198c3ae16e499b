// What WordNet leaves apart though prompts mean one thing by it ("ocean", "sea"; "haunted",
// "spooky"), and what it joins or leaves alone though pictures differ ("standing", "jumping"). Our
// own lists, of base forms. Pure.
#pragma once

#include <string_view>

namespace reprise {

bool AreNearSynonyms(std::string_view a, std::string_view b);
// Is `kind` commonly a kind of `above`, though WordNet has them far apart ("boy", "kid")?
bool IsKindOf(std::string_view kind, std::string_view above);
bool AreOppositeWords(std::string_view a, std::string_view b);

}  // namespace reprise
