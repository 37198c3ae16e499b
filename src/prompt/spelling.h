// One spelling for words that have several: British and American, and clipped words. Pure.
#pragma once

#include <string>
#include <string_view>

namespace reprise {

// "grey" to "gray", "centre" to "center", "realise" to "realize", "photo" to "photograph". `lemma`
// is a lower-case base form without accents.
std::string FoldSpelling(std::string lemma);

}  // namespace reprise
