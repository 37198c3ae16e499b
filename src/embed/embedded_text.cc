#include "embed/embedded_text.h"

#include <cmath>

#include "prompt/text.h"

namespace reprise {
namespace {

constexpr std::size_t kMaxCharacters = 8'000;

}  // namespace

std::string EmbeddedText(const Prompt& prompt) {
  std::string text = CleanText(prompt.original);
  if (text.size() <= kMaxCharacters) return text;
  std::size_t end = 0;
  for (std::size_t i = 0; i < kMaxCharacters && end < text.size(); ++i) NextCodePoint(text, end);
  text.resize(end);
  return text;
}

Result<Embedding> UnitLength(Embedding vector) {
  double squares = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!std::isfinite(vector[i])) {
      return Fail(Code::kBadUpstream,
                  "element " + std::to_string(i) + " of the embedding is not a finite number");
    }
    squares += double{vector[i]} * vector[i];
  }
  if (squares == 0) return Fail(Code::kBadUpstream, "the embedding is all zeros");
  const double scale = 1 / std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(x * scale);
  return vector;
}

}  // namespace reprise
