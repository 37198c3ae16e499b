// What of a prompt a model sees, and what makes its answer an embedding. Pure and thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "embed/embedder.h"
#include "prompt/prompt.h"

namespace reprise {

// The prompt as given, case kept, as clean UTF-8 (see CleanText) of at most 8,000 characters: more
// than encoders read. Prompts with the same text here have the same embedding. Empty for a blank
// prompt.
std::string EmbeddedText(const Prompt& prompt);

// `vector` at unit length. kBadUpstream, naming the element, unless all of it is finite and some of
// it is not zero.
Result<Embedding> UnitLength(Embedding vector);

}  // namespace reprise
