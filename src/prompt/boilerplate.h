// Words that ask for a picture or praise it without saying what is in it: "please draw me",
// "an image of", "8k, highly detailed, masterpiece". Words of style ("watercolor", "cinematic")
// change the picture and are not among them. Pure.
#pragma once

#include <vector>

#include "prompt/prompt.h"

namespace reprise {

// Weighs boilerplate next to nothing: content = false. Runs before counts are joined.
void MarkBoilerplate(std::vector<Token>& tokens);

}  // namespace reprise
