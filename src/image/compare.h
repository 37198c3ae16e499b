// How alike two images look, from what can be measured without a model: a perceptual hash, colours,
// brightness and edges. It tells coarse differences (another colour, another composition); two
// pictures that a model draws for one prompt differ too, so what a score means has to be calibrated
// on such pairs. Pure and thread-safe; milliseconds: call from a worker pool.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "image/image.h"

namespace reprise {

struct ImageMeasures {
  // 64 bits from the low frequencies of a 32 x 32 cosine transform, each above or below their
  // median (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010).
  std::uint64_t hash = 0;
  std::array<float, 64> colours{};  // shares of the pixels in a 4 x 4 x 4 grid of red, green, blue
  std::array<float, 48> layout{};   // mean red, green, blue of 4 x 4 tiles, 0 to 1
  float brightness = 0;             // mean luminance, 0 to 1
  float contrast = 0;               // its standard deviation, 0 to 0.5
  float edges = 0;                  // mean gradient of the luminance, 0 to 1
};

// Of the whole image, whatever its size and shape. Transparency counts as white. Fails like
// CheckImage.
Result<ImageMeasures> MeasureImage(std::string_view bytes, const ImageLimits& limits = {});

// 1 for equal measures, around 0.5 for unrelated photographs, at least 0. Symmetric.
double ImageSimilarity(const ImageMeasures& a, const ImageMeasures& b);

// Bits in which two hashes differ, 0 to 64; some 32 for unrelated images.
int HashDistance(std::uint64_t a, std::uint64_t b);

}  // namespace reprise
