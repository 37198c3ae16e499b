#include <bit>

#include "index/vector_index.h"

namespace reprise {
namespace {

constexpr std::uint32_t kFloatMantissaBits = 23;
constexpr std::uint32_t kHalfMantissaBits = 10;
constexpr std::uint32_t kDropped = kFloatMantissaBits - kHalfMantissaBits;
constexpr std::uint32_t kHalfInfinity = 0x7c00;

// `value` / 2^shift, rounded to nearest, ties to even.
std::uint32_t ShiftRounding(std::uint32_t value, std::uint32_t shift) {
  const std::uint32_t half = 1u << (shift - 1);
  const std::uint32_t odd = (value >> shift) & 1;
  return (value + half - 1 + odd) >> shift;
}

// IEEE 754-2008, 5.4.2 convertFormat from binary32 to binary16.
Half ToHalf(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<Half>(bits >> 16 & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {  // NaN: kept quiet, with the payload's upper bits
    return sign | kHalfInfinity | 0x200 | (magnitude >> kDropped & 0x1ff);
  }
  constexpr std::uint32_t kSmallestNormal = 0x38800000;  // 2^-14
  constexpr std::uint32_t kOverflow = 0x47800000;        // 2^16; what rounds up to it carries there
  if (magnitude >= kOverflow) return sign | kHalfInfinity;
  if (magnitude >= kSmallestNormal) {
    // The exponent's bias falls from 127 to 15; a carry out of the mantissa lands in the exponent.
    return sign | static_cast<Half>(ShiftRounding(magnitude - (112u << 23), kDropped));
  }
  const std::uint32_t exponent = magnitude >> kFloatMantissaBits;
  constexpr std::uint32_t kLowest = 102;  // 2^-25, half of the smallest subnormal
  if (exponent < kLowest) return sign;
  const std::uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  return sign | static_cast<Half>(ShiftRounding(mantissa, 126 - exponent));
}

}  // namespace

std::vector<Half> ToHalf(std::span<const float> vector) {
  std::vector<Half> halves;
  halves.reserve(vector.size());
  for (float number : vector) halves.push_back(ToHalf(number));
  return halves;
}

std::vector<float> ToFloat(std::span<const Half> vector) {
  std::vector<float> floats;
  floats.reserve(vector.size());
  // The exponent's bias rises from 15 to 127 by a product, which is exact for subnormals as well.
  for (Half half : vector) {
    const float magnitude = std::bit_cast<float>((half & 0x7fffu) << kDropped) * 0x1p112f;
    floats.push_back(half & 0x8000 ? -magnitude : magnitude);
  }
  return floats;
}

}  // namespace reprise
