// Base forms of English words: WordNet's where it knows the word, by rules where it does not. Pure.
#pragma once

#include <string>
#include <string_view>

#include "prompt/prompt.h"
#include "wordnet/wordnet.h"

namespace reprise {

struct Lemma {
  std::string base;
  Form form = Form::kBase;  // kVerbal: an -ing or -ed form or an irregular past
  WordId word = kNoWord;    // `base` in WordNet
  WordId other = kNoWord;   // a second reading: "building" is a noun or a form of "build"
};

// `word` is lower case without accents. Words of other languages come back as they are, except
// that ASCII ones may lose an ending; both sides of a comparison then lose the same.
Lemma Lemmatize(std::string_view word);

// The part of speech the word was seen as most often; a noun where WordNet does not tell.
PartOfSpeech UsualPartOfSpeech(WordId word);

}  // namespace reprise
