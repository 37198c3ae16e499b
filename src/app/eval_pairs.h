// Labelled pairs of prompts: what `reprise eval --pairs` reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace reprise {

// Whether whoever asks for `a` may be given the picture of `b`, and the other way round.
enum class PairLabel { kHit, kMiss, kNone };

std::string_view LabelName(PairLabel label);  // "hit", "miss", "-"

struct LabelledPair {
  PairLabel label = PairLabel::kNone;
  std::string kind;  // what differs, e.g. "colour"; may be empty
  std::string a, b;
};

// Tab-separated lines of label (hit, miss, or - for none), kind and two prompts, or label and two
// prompts. A first line whose label is "label", blank lines and lines starting with "#" are
// skipped. kNotFound when the file cannot be read; kInvalidArgument names the first bad line.
Result<std::vector<LabelledPair>> ReadPairs(const std::filesystem::path& file);

}  // namespace reprise
