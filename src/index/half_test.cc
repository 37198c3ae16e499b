#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "index/vector_index.h"

namespace reprise {
namespace {

Half One(float number) {
  return ToHalf(std::span(&number, 1)).front();
}

// The value of a binary16, straight from its definition.
double ValueOf(Half half) {
  const int exponent = half >> 10 & 31;
  const double mantissa = half & 1023;
  const double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                           : exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                                            : std::ldexp(1024 + mantissa, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(ToHalf, EveryHalfSurvives) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<Half>(bits);
    const double value = ValueOf(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(One(static_cast<float>(value)), half) << std::hex << bits;
  }
}

// Between every two neighbours: the middle goes to the even one, what is beside it to the nearer.
TEST(ToHalf, RoundsToNearestTiesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = ValueOf(static_cast<Half>(bits));
    const double high = ValueOf(static_cast<Half>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: 12 bits of mantissa
    const auto even = static_cast<Half>(bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(One(middle), even) << std::hex << bits;
    ASSERT_EQ(One(-middle), even | 0x8000) << std::hex << bits;
    ASSERT_EQ(One(std::nextafter(middle, 0.0f)), bits) << std::hex << bits;
    ASSERT_EQ(One(std::nextafter(middle, 1e9f)), bits + 1) << std::hex << bits;
  }
}

TEST(ToHalf, EdgesOfTheRange) {
  EXPECT_EQ(One(0.0f), 0x0000);
  EXPECT_EQ(One(-0.0f), 0x8000);
  EXPECT_EQ(One(65504.0f), 0x7bff);
  EXPECT_EQ(One(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(One(65520.0f), 0x7c00);  // a tie between 65504 and 65536, which is out of range
  EXPECT_EQ(One(-65520.0f), 0xfc00);
  EXPECT_EQ(One(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(One(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(One(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(One(std::ldexp(1.0f, -24)), 0x0001);
  EXPECT_EQ(One(std::ldexp(1.0f, -25)), 0x0000);  // a tie between 0 and the smallest subnormal
  EXPECT_EQ(One(std::nextafter(std::ldexp(1.0f, -25), 1.0f)), 0x0001);
  EXPECT_EQ(One(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(One(std::nextafter(std::ldexp(1.0f, -14), 0.0f)), 0x0400);
}

TEST(ToFloat, EveryFiniteHalf) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    if ((bits & 0x7c00) == 0x7c00) continue;
    const auto half = static_cast<Half>(bits);
    const float number = ToFloat(std::span(&half, 1)).front();
    EXPECT_EQ(number, ValueOf(half)) << bits;
    EXPECT_EQ(std::signbit(number), bits >= 0x8000) << bits;
  }
}

TEST(ToHalf, NanStaysNan) {
  for (std::uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xffc00000u, 0x7fffffffu}) {
    const Half half = One(std::bit_cast<float>(bits));
    EXPECT_TRUE(std::isnan(ValueOf(half))) << std::hex << bits;
    EXPECT_EQ(half & 0x8000, bits >> 16 & 0x8000);
  }
}

#if defined(__FLT16_MANT_DIG__) || defined(__aarch64__)
TEST(ToHalf, AgreesWithTheCompiler) {
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto number = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(number)) continue;
    const auto expected = std::bit_cast<Half>(static_cast<_Float16>(number));
    ASSERT_EQ(One(number), expected) << number;
  }
}
#endif

}  // namespace
}  // namespace reprise
