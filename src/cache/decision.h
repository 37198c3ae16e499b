// What the cache did with a request, and why: every reply carries one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reprise {

enum class Outcome {
  kHit,
  kMiss,
  kBypass,   // the caller wanted a new image beside what is stored (seed -1, no-cache + no-store)
  kRefresh,  // the caller wanted what is stored replaced (no-cache)
};

enum class HitType { kNone, kExact, kSemantic, kInflight };

std::string_view ToString(Outcome outcome);  // "HIT"
std::string_view ToString(HitType type);     // "EXACT"; "" for kNone

struct Decision {
  Outcome outcome = Outcome::kMiss;
  HitType type = HitType::kNone;
  std::string reason;    // machine-readable: "exact", "paraphrase", "colour: blue/grey", "new"
  std::string sentence;  // the same for people
  std::optional<double> similarity;  // of the neighbour served, or of the nearest one refused
  std::optional<double> cosine;
  double threshold = 0;
  std::string bucket;
  std::uint64_t entry = 0;    // what was served or stored; 0: nothing stored
  std::uint64_t refused = 0;  // on a miss: the neighbour the reason speaks of
  std::int64_t age_ms = 0;
  std::int64_t ttl_ms = 0;  // how long it stays; 0: for ever
  bool stored = false;      // this request added to the store
  std::string store_error;  // why it did not, though it should have
  double saved_usd = 0;
  std::string upstream;  // who made the image for this very request; empty on a hit
};

}  // namespace reprise
