// Pairs of prompts about which people said whether they may share a picture, in memory. A pair is
// known by its texts as the verifier sees equality (case folded, normalised, quoted text as it
// stands), within one tenant, whatever model or size is asked for, and in both directions. Safe for
// any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <shared_mutex>
#include <string>
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
  static constexpr std::size_t kMost = 200'000;  // of some 200 bytes each
  // Pairs that a tenant may always have, as a share of all, whatever the others have.
  static constexpr std::size_t kShare = 10;

  explicit Corrections(std::size_t most = kMost) : most_(most) {}

  // What was said about a pair; nothing when nobody did.
  std::optional<bool> Find(const Digest& a, const Digest& b) const;

  // Of texts of `tenant`.
  void Put(const std::string& tenant, const Digest& a, const Digest& b, bool same);
  void Remove(const std::string& tenant, const Digest& a, const Digest& b);

  // May the tenant have one more? Put itself refuses nothing.
  bool HasRoomFor(const std::string& tenant) const;

  // The texts that never share a picture with this one; none for nearly all.
  std::vector<Digest> RefusedWith(const Digest& text) const;

  std::size_t size() const;
  std::size_t refused() const;

 private:
  void Unlink(const Digest& a, const Digest& b);

  mutable std::shared_mutex mutex_;
  const std::size_t most_;
  std::unordered_map<Digest, bool> pairs_;
  std::unordered_map<std::string, std::size_t> of_tenant_;
  std::unordered_map<Digest, std::vector<Digest>> refused_;  // both ways
  std::size_t refused_pairs_ = 0;
};

}  // namespace reprise
