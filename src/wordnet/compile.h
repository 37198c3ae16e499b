// Compiles WordNet's files into the table that WordNet reads. Needed when building only.
#pragma once

#include <string>

#include "base/result.h"
#include "wordnet/source.h"

namespace reprise {

// The bytes of the table; equal sources give equal bytes.
std::string CompileWordNet(const WordNetSource& source);

}  // namespace reprise
