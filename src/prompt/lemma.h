// Base forms of English words by rules and a table of irregular forms. Pure.
#pragma once

#include <string>
#include <string_view>

#include "prompt/prompt.h"

namespace reprise {

struct Lemma {
  std::string base;
  Form form = Form::kBase;  // kVerbal: an -ing or -ed form or an irregular past
};

// `word` is lower case without accents. Words of other languages come back as they are, except
// that ASCII ones may lose an ending; both sides of a comparison then lose the same.
Lemma Lemmatize(std::string_view word);

}  // namespace reprise
