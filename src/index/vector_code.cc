#include "index/vector_code.h"

#include <simsimd/simsimd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace reprise {
namespace {

constexpr int kUnit = 16;              // of the upper bits
constexpr int kLowOffset = kUnit / 2;  // the lower bits hold -8 to 7

// Not simsimd_dot_i8(): it remembers its kernel in a plain static, which two first calls race for.
decltype(&simsimd_dot_i8) FindByteKernel() {
  decltype(&simsimd_dot_i8) kernel = nullptr;
  simsimd_capability_t used = simsimd_cap_serial_k;
  simsimd_find_kernel_punned(simsimd_metric_dot_k, simsimd_datatype_i8_k, simsimd_capabilities(),
                             simsimd_cap_any_k, reinterpret_cast<simsimd_kernel_punned_t*>(&kernel),
                             &used);
  return kernel;
}

// One unit of the 12 bits, so that the largest element just fits.
float ScaleOf(std::span<const float> vector) {
  float largest = 0;
  for (float x : vector) largest = std::max(largest, std::abs(x));
  return largest / VectorCodec::kLargest;
}

// How many units one is.
float Inverse(float scale) {
  return scale == 0 ? 0 : 1 / scale;
}

int Round(float x) {
  return static_cast<int>(x + std::copysign(0.5f, x));
}

// Rounded, not cut off: what is cut off would add up to a bias.
int High(int number) {
  constexpr int kRange = 128;  // keeps what is divided positive
  return (number + kLowOffset + kRange * kUnit) / kUnit - kRange;
}

}  // namespace

VectorCodec::VectorCodec(std::size_t dimensions)
    : dimensions_(dimensions), half_((dimensions + 1) / 2), kernel_([] {
        static const Kernel found = FindByteKernel();  // the serial kernel always exists
        return found;
      }()) {
  static_assert(std::is_same_v<decltype(&simsimd_dot_i8), Kernel>);
}

// A byte of the lower bits holds those of element i, and above them those of element i + half_.
float VectorCodec::Encode(std::span<const Half> vector, std::byte* code) const {
  const std::vector<float> floats = ToFloat(vector);
  const float scale = ScaleOf(floats), inverse = Inverse(scale);
  auto* high = reinterpret_cast<std::int8_t*>(code);
  auto* low = reinterpret_cast<std::uint8_t*>(code + dimensions_);
  std::fill_n(low, half_, kLowOffset * (1 + kUnit));
  for (std::size_t i = 0; i < dimensions_; ++i) {
    const int number = Round(floats[i] * inverse);
    high[i] = static_cast<std::int8_t>(High(number));
    const int shift = i < half_ ? 0 : 4;
    const int rest = (number - kUnit * High(number)) << shift;
    std::uint8_t& byte = low[i < half_ ? i : i - half_];
    byte = static_cast<std::uint8_t>(byte + rest);
  }
  return scale;
}

VectorCode VectorCodec::At(const std::byte* code, float scale) const {
  return {reinterpret_cast<const std::int8_t*>(code),
          reinterpret_cast<const std::uint8_t*>(code + dimensions_), scale};
}

Query VectorCodec::MakeQuery(std::span<const Half> vector) const {
  Query query{.elements = ToFloat(vector), .high = {}, .scale = 0};
  query.scale = ScaleOf(query.elements);
  const float inverse = Inverse(query.scale);
  query.high.reserve(dimensions_);
  for (float x : query.elements) {
    query.high.push_back(static_cast<std::int8_t>(High(Round(x * inverse))));
  }
  query.elements.resize(2 * half_);
  return query;
}

float VectorCodec::Cosine(const Query& query, const VectorCode& code) const {
  constexpr std::size_t kLanes = 16;  // sums of their own, which a compiler turns into vectors
  std::array<float, kLanes> sums{};
  const float* first = query.elements.data();
  const float* second = first + half_;
  const std::size_t paired = dimensions_ - half_;
  auto add = [&](std::size_t i, std::size_t lane) {
    const int low = code.low[i] % kUnit - kLowOffset, next = code.low[i] / kUnit - kLowOffset;
    sums[lane] += first[i] * static_cast<float>(kUnit * code.high[i] + low) +
                  second[i] * static_cast<float>(kUnit * code.high[half_ + i] + next);
  };
  std::size_t i = 0;
  for (; i + kLanes <= paired; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(i + lane, lane);
  }
  for (; i < paired; ++i) add(i, 0);
  if (paired < half_) {  // an odd count: the middle element has no partner
    const int low = code.low[paired] % kUnit - kLowOffset;
    sums[0] += first[paired] * static_cast<float>(kUnit * code.high[paired] + low);
  }
  float sum = 0;
  for (float lane : sums) sum += lane;
  return sum * code.scale;
}

}  // namespace reprise
