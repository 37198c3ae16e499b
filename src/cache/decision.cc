#include "cache/decision.h"

namespace reprise {

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHit:
      return "HIT";
    case Outcome::kMiss:
      return "MISS";
    case Outcome::kBypass:
      return "BYPASS";
    case Outcome::kRefresh:
      return "REFRESH";
  }
  return "MISS";
}

std::string_view ToString(HitType type) {
  switch (type) {
    case HitType::kNone:
      return "";
    case HitType::kExact:
      return "EXACT";
    case HitType::kSemantic:
      return "SEMANTIC";
    case HitType::kInflight:
      return "INFLIGHT";
  }
  return "";
}

}  // namespace reprise
