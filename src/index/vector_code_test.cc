#include "index/vector_code.h"

#include <gtest/gtest.h>

#include <cmath>

#include "index/vector_index_testing.h"

namespace reprise {
namespace {

struct Encoded {
  Encoded(const VectorCodec& codec, const std::vector<Half>& vector)
      : bytes(codec.code_bytes()),
        code(codec.At(bytes.data(), codec.Encode(vector, bytes.data()))) {}
  std::vector<std::byte> bytes;
  VectorCode code;
};

// The error of a sum of `dimensions` products with numbers that are each off by at most half a
// unit: five standard deviations of it, a unit vector given.
double Tolerance(double unit) {
  return 5 * unit / std::sqrt(12.0) + 1e-6;
}

TEST(VectorCode, CosinesAgreeWithBinary16) {
  std::mt19937 random(3);
  for (std::size_t dimensions : {1, 2, 7, 31, 32, 33, 63, 256, 768, 1023, 1024}) {
    const VectorCodec codec(dimensions);
    for (int round = 0; round < 50; ++round) {
      const auto a = RandomUnit(dimensions, random), b = Near(a, 0.7, random);
      const Encoded encoded(codec, b);
      const Query query = codec.MakeQuery(a);
      const double scale = encoded.code.scale, exact = Cosine(a, b);
      EXPECT_NEAR(codec.Cosine(query, encoded.code), exact, Tolerance(scale)) << dimensions;
      const double rough_unit = 16 * std::hypot(scale, query.scale);
      EXPECT_NEAR(codec.RoughCosine(query, encoded.code), exact, Tolerance(rough_unit))
          << dimensions;
    }
  }
}

TEST(VectorCode, EveryElementIsWithinHalfAUnit) {
  std::mt19937 random(5);
  constexpr std::size_t kDimensions = 75;
  const VectorCodec codec(kDimensions);
  const auto vector = RandomUnit(kDimensions, random);
  const auto floats = ToFloat(vector);
  const Encoded encoded(codec, vector);
  for (std::size_t i = 0; i < kDimensions; ++i) {
    std::vector<Half> axis(kDimensions, 0);
    axis[i] = 0x3c00;  // 1
    EXPECT_NEAR(codec.Cosine(codec.MakeQuery(axis), encoded.code), floats[i],
                encoded.code.scale * 0.501)
        << i;
  }
}

TEST(VectorCode, ALargeElementLeavesTheOthersTheirShare) {
  std::vector<float> floats(512, 0.02f);
  floats[100] = -0.89f;
  const auto vector = ToHalf(floats);
  const VectorCodec codec(floats.size());
  const Encoded encoded(codec, vector);
  EXPECT_NEAR(codec.Cosine(codec.MakeQuery(vector), encoded.code), Cosine(vector, vector), 2e-3);
  std::mt19937 random(9);
  const auto near = Near(vector, 0.5, random);
  EXPECT_NEAR(codec.Cosine(codec.MakeQuery(near), encoded.code), Cosine(near, vector), 1e-3);
}

TEST(VectorCode, ZeroAndTheExtremesOfBinary16) {
  const VectorCodec codec(4);
  const Encoded zero(codec, {0, 0x8000, 0, 0});
  EXPECT_EQ(zero.code.scale, 0);
  const Encoded largest(codec, {0x7bff, 0xfbff, 0, 0x7bff});  // 65504 and its negative
  EXPECT_LE(largest.code.scale, VectorCodec::kMaxScale);
  const Encoded smallest(codec, {1, 0x8001, 0, 0});  // 2^-24
  const Query query = codec.MakeQuery(std::vector<Half>{0x3c00, 0, 0, 0});
  EXPECT_EQ(codec.Cosine(query, zero.code), 0);
  EXPECT_EQ(codec.RoughCosine(query, zero.code), 0);
  EXPECT_NEAR(codec.Cosine(query, largest.code), 65504, 33);
  EXPECT_NEAR(codec.Cosine(query, smallest.code), 0x1p-24, 1e-10);
}

}  // namespace
}  // namespace reprise
