#include "prompt/quantity.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace reprise {

Quantity QuantityOf(const Token& token) {
  static constexpr auto kWords = std::to_array<std::pair<std::string_view, Quantity>>({
      {"single", Quantity::kOne},
      {"lone", Quantity::kOne},
      {"few", Quantity::kFew},
      {"several", Quantity::kFew},
      {"half", Quantity::kHalf},
      {"many", Quantity::kMany},
      {"lots", Quantity::kMany},
      {"numerous", Quantity::kMany},
      {"countless", Quantity::kMany},
      {"most", Quantity::kMost},
      {"all", Quantity::kAll},
      {"both", Quantity::kAll},
      {"every", Quantity::kAll},
      {"each", Quantity::kAll},
  });
  if (token.slot == Slot::kCount && token.lemma == "1") return Quantity::kOne;
  const auto found =
      std::ranges::find(kWords, token.text, &std::pair<std::string_view, Quantity>::first);
  return found == kWords.end() ? Quantity::kNone : found->second;
}

}  // namespace reprise
