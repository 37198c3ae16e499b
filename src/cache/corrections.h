// Pairs of prompts about which people said whether they may share a picture, in memory. A pair is
// known by its texts as the verifier sees equality (case folded, normalised, quoted text as it
// stands), within one tenant, whatever model or size is asked for, and in both directions. Safe for
// any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "prompt/prompt.h"

namespace reprise {

// A tenant's text.
Digest TextKey(std::string_view tenant, const Prompt& prompt);
// Two of them, in either order.
Digest PairKey(const Digest& a, const Digest& b);

class Corrections {
 public:
  // What was said about a pair; nothing when nobody did.
  std::optional<bool> Find(const Digest& a, const Digest& b) const;

  void Put(const Digest& a, const Digest& b, bool same);
  void Remove(const Digest& a, const Digest& b);

  // The texts that never share a picture with this one; none for nearly all.
  std::vector<Digest> RefusedWith(const Digest& text) const;

  std::size_t size() const;
  std::size_t refused() const;

 private:
  void Unlink(const Digest& a, const Digest& b);

  mutable std::shared_mutex mutex_;
  std::unordered_map<Digest, bool> pairs_;
  std::unordered_map<Digest, std::vector<Digest>> refused_;  // both ways
  std::size_t refused_pairs_ = 0;
};

}  // namespace reprise
