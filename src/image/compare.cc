#include "image/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "image/sniff.h"
#include "image/vips_runtime.h"

namespace reprise {
namespace {

constexpr int kSide = 64;      // what colours and edges are measured on
constexpr int kHashSide = 32;  // Zauner's
constexpr int kHashBits = 8;   // per side

// kSide x kSide pixels of red, green, blue.
using Pixels = std::vector<std::uint8_t>;

struct Grey {
  std::array<float, kSide * kSide> at{};  // 0 to 1
};

// ITU-R BT.601 luma.
Grey ToGrey(const Pixels& pixels) {
  Grey grey;
  for (std::size_t i = 0; i < grey.at.size(); ++i) {
    const std::uint8_t* p = &pixels[i * 3];
    grey.at[i] = (0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2]) / 255;
  }
  return grey;
}

std::array<float, kHashSide * kHashSide> Halve(const Grey& grey) {
  std::array<float, kHashSide * kHashSide> half{};
  for (int y = 0; y < kHashSide; ++y) {
    for (int x = 0; x < kHashSide; ++x) {
      const float* top = &grey.at[static_cast<std::size_t>(2 * y * kSide + 2 * x)];
      half[static_cast<std::size_t>(y * kHashSide + x)] =
          (top[0] + top[1] + top[kSide] + top[kSide + 1]) / 4;
    }
  }
  return half;
}

// cos((2 x + 1) u pi / 2 N) for frequencies u = 1 to kHashBits.
const std::array<float, kHashBits * kHashSide>& Cosines() {
  static const auto table = [] {
    std::array<float, kHashBits * kHashSide> cosines{};
    for (int u = 0; u < kHashBits; ++u) {
      for (int x = 0; x < kHashSide; ++x) {
        cosines[static_cast<std::size_t>(u * kHashSide + x)] = static_cast<float>(
            std::cos((2 * x + 1) * (u + 1) * std::numbers::pi / (2 * kHashSide)));
      }
    }
    return cosines;
  }();
  return table;
}

std::uint64_t Hash(const Grey& grey) {
  const auto image = Halve(grey);
  const auto& cosines = Cosines();
  std::array<float, kHashSide * kHashBits> rows{};  // transformed along x
  for (int y = 0; y < kHashSide; ++y) {
    for (int u = 0; u < kHashBits; ++u) {
      float sum = 0;
      for (int x = 0; x < kHashSide; ++x) {
        sum += image[static_cast<std::size_t>(y * kHashSide + x)] *
               cosines[static_cast<std::size_t>(u * kHashSide + x)];
      }
      rows[static_cast<std::size_t>(y * kHashBits + u)] = sum;
    }
  }
  std::array<float, 64> coefficients{};
  for (int v = 0; v < kHashBits; ++v) {
    for (int u = 0; u < kHashBits; ++u) {
      float sum = 0;
      for (int y = 0; y < kHashSide; ++y) {
        sum += rows[static_cast<std::size_t>(y * kHashBits + u)] *
               cosines[static_cast<std::size_t>(v * kHashSide + y)];
      }
      coefficients[static_cast<std::size_t>(v * kHashBits + u)] = sum;
    }
  }
  auto sorted = coefficients;
  std::nth_element(sorted.begin(), sorted.begin() + 32, sorted.end());
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    if (coefficients[i] > sorted[32]) hash |= std::uint64_t{1} << i;
  }
  return hash;
}

void MeasureColours(const Pixels& pixels, ImageMeasures& measures) {
  constexpr float kShare = 1.0f / (kSide * kSide);
  constexpr float kTileShare = 16.0f / (kSide * kSide) / 255;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const std::uint8_t* p = &pixels[static_cast<std::size_t>(y * kSide + x) * 3];
      measures
          .colours[static_cast<std::size_t>((p[0] >> 6) * 16 + (p[1] >> 6) * 4 + (p[2] >> 6))] +=
          kShare;
      const int tile = y * 4 / kSide * 4 + x * 4 / kSide;
      for (int band = 0; band < 3; ++band) {
        measures.layout[static_cast<std::size_t>(tile * 3 + band)] +=
            kTileShare * static_cast<float>(p[band]);
      }
    }
  }
}

void MeasureLight(const Grey& grey, ImageMeasures& measures) {
  double sum = 0, squares = 0, gradient = 0;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const auto i = static_cast<std::size_t>(y * kSide + x);
      sum += grey.at[i];
      squares += double(grey.at[i]) * grey.at[i];
      if (x + 1 < kSide) gradient += std::abs(grey.at[i + 1] - grey.at[i]);
      if (y + 1 < kSide) gradient += std::abs(grey.at[i + kSide] - grey.at[i]);
    }
  }
  constexpr double kPixels = kSide * kSide;
  const double mean = sum / kPixels;
  measures.brightness = static_cast<float>(mean);
  measures.contrast = static_cast<float>(std::sqrt(std::max(0.0, squares / kPixels - mean * mean)));
  measures.edges = static_cast<float>(gradient / (2 * kPixels));
}

Pixels Shrink(std::string_view bytes) {
  VipsBlob* blob = vips_blob_new(nullptr, bytes.data(), bytes.size());
  const auto release = [](VipsBlob* b) { vips_area_unref(VIPS_AREA(b)); };
  const std::unique_ptr<VipsBlob, decltype(release)> owner(blob, release);
  vips::VImage image = vips::VImage::thumbnail_buffer(
      blob, kSide, vips::VImage::option()->set("height", kSide)->set("size", VIPS_SIZE_FORCE));
  image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (image.has_alpha()) image = image.flatten(vips::VImage::option()->set("background", 255.0));
  std::size_t size = 0;
  const std::unique_ptr<void, decltype(&g_free)> memory(
      image.cast(VIPS_FORMAT_UCHAR)
          .extract_band(0, vips::VImage::option()->set("n", 3))
          .write_to_memory(&size),
      g_free);
  const auto* first = static_cast<const std::uint8_t*>(memory.get());
  return Pixels(first, first + size);
}

// Share of the pixels in common; a pixel near the edge of its cell of colours may fall on either
// side, so neighbouring colours are also compared by the tiles' means.
double ColourLikeness(const ImageMeasures& a, const ImageMeasures& b) {
  double common = 0;
  for (std::size_t i = 0; i < a.colours.size(); ++i) common += std::min(a.colours[i], b.colours[i]);
  return common;
}

double LayoutLikeness(const ImageMeasures& a, const ImageMeasures& b) {
  double distance = 0;
  for (std::size_t i = 0; i < a.layout.size(); ++i) distance += std::abs(a.layout[i] - b.layout[i]);
  return 1 - std::min(1.0, 2 * distance / static_cast<double>(a.layout.size()));
}

}  // namespace

Result<ImageMeasures> MeasureImage(std::string_view bytes, const ImageLimits& limits) {
  if (auto info = CheckImage(bytes, limits); !info) return std::unexpected(info.error());
  Error damaged{Code::kBadUpstream,
                "an image of " + std::to_string(bytes.size()) + " bytes could not be measured"};
  return WithVips("measuring an image", std::move(damaged), [&]() -> Result<ImageMeasures> {
    const Pixels pixels = Shrink(bytes);
    const Grey grey = ToGrey(pixels);
    ImageMeasures measures;
    measures.hash = Hash(grey);
    MeasureColours(pixels, measures);
    MeasureLight(grey, measures);
    return measures;
  });
}

int HashDistance(std::uint64_t a, std::uint64_t b) {
  return std::popcount(a ^ b);
}

double ImageSimilarity(const ImageMeasures& a, const ImageMeasures& b) {
  const double hash = 1 - HashDistance(a.hash, b.hash) / 64.0;
  const auto near = [](float x, float y, float range) {
    return 1 - std::min(1.0, std::abs(double(x) - y) / range);
  };
  return 0.25 * hash + 0.3 * ColourLikeness(a, b) + 0.25 * LayoutLikeness(a, b) +
         0.1 * near(a.brightness, b.brightness, 0.5f) + 0.05 * near(a.contrast, b.contrast, 0.25f) +
         0.05 * near(a.edges, b.edges, 0.1f);
}

}  // namespace reprise
