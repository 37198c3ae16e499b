// DrawPicture: a vertical gradient, a coarse grid of flat tiles, discs, then the text on a band.
// Flat areas and constant rows are what PNG compresses fastest; tiles that differ in brightness are
// what perceptual hashes look at.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

#include "base/digest.h"
#include "image/image.h"
#include "image/picture_text.h"
#include "image/vips_runtime.h"

namespace reprise {
namespace {

constexpr int kMaxPictureSide = 4096;
constexpr std::size_t kMaxCharacters = 500;
constexpr int kSmallestSideWithText = 48;

struct Colour {
  std::uint8_t red, green, blue;
};

// Seeded by everything that shapes the picture, so that it differs wherever one of them does.
class Pattern {
 public:
  explicit Pattern(const Picture& picture)
      : Pattern(std::to_string(picture.seed) + "/" + std::to_string(picture.width) + "x" +
                std::to_string(picture.height) + "/" + picture.text) {}
  explicit Pattern(const std::string& key) {
    const Digest digest = Sha256(key);
    std::uint64_t seed;
    std::memcpy(&seed, digest.bytes.data(), sizeof seed);
    random_.seed(seed);
  }

  // std::uniform_int_distribution differs between standard libraries; this does not.
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  Colour AnyColour() {
    const std::uint64_t bits = random_();
    return {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
            static_cast<std::uint8_t>(bits >> 16)};
  }

 private:
  std::mt19937_64 random_;
};

class Canvas {
 public:
  Canvas(int width, int height)
      : width_(width), height_(height), pixels_(static_cast<std::size_t>(width) * height) {}

  int width() const { return width_; }
  int height() const { return height_; }
  const std::vector<Colour>& pixels() const { return pixels_; }

  void FillRow(int y, int from, int to, Colour colour) {
    from = std::max(from, 0);
    to = std::min(to, width_);
    if (y < 0 || y >= height_ || from >= to) return;
    std::fill(Row(y) + from, Row(y) + to, colour);
  }

  void Gradient(Colour top, Colour bottom) {
    for (int y = 0; y < height_; ++y) FillRow(y, 0, width_, Mix(top, bottom, 255 * y / height_));
  }

  void Rectangle(int left, int top, int right, int bottom, Colour colour) {
    for (int y = top; y < bottom; ++y) FillRow(y, left, right, colour);
  }

  void Disc(int x, int y, int radius, Colour colour) {
    for (int dy = -radius; dy <= radius; ++dy) {
      const int half = static_cast<int>(std::sqrt(double(radius) * radius - double(dy) * dy));
      FillRow(y + dy, x - half, x + half + 1, colour);
    }
  }

  // Lets a quarter of what is there shine through a dark band.
  void Darken(int top, int bottom) {
    for (int y = std::max(top, 0); y < std::min(bottom, height_); ++y) {
      for (int x = 0; x < width_; ++x) Row(y)[x] = Mix(Row(y)[x], {16, 16, 24}, 190);
    }
  }

  void Stamp(const TextMask& mask, int left, int top) {
    for (int y = 0; y < mask.height; ++y) {
      for (int x = 0; x < mask.width; ++x) {
        Colour& pixel = Row(top + y)[left + x];
        pixel = Mix(pixel, {255, 255, 255}, mask.coverage[std::size_t(y) * mask.width + x]);
      }
    }
  }

 private:
  static Colour Mix(Colour a, Colour b, int share) {
    const auto mix = [share](int x, int y) {
      return static_cast<std::uint8_t>(x + (y - x) * share / 255);
    };
    return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
  }

  Colour* Row(int y) { return pixels_.data() + static_cast<std::size_t>(y) * width_; }

  const int width_, height_;
  std::vector<Colour> pixels_;
};

void DrawTiles(Pattern& pattern, Canvas& canvas) {
  const Colour top = pattern.AnyColour();
  canvas.Gradient(top, pattern.AnyColour());
  constexpr int kTiles = 6;
  for (int row = 0; row < kTiles; ++row) {
    for (int column = 0; column < kTiles; ++column) {
      const Colour colour = pattern.AnyColour();
      if (pattern.Below(3) == 0) continue;  // the gradient stays visible here
      canvas.Rectangle(canvas.width() * column / kTiles, canvas.height() * row / kTiles,
                       canvas.width() * (column + 1) / kTiles, canvas.height() * (row + 1) / kTiles,
                       colour);
    }
  }
}

void DrawDiscs(Pattern& pattern, Canvas& canvas) {
  const int unit = std::max(1, std::min(canvas.width(), canvas.height()) / 10);
  for (int i = 0; i < 5; ++i) {
    const int x = pattern.Below(canvas.width());
    const int y = pattern.Below(canvas.height());
    const int radius = unit + pattern.Below(unit);  // in order: arguments have none
    canvas.Disc(x, y, radius, pattern.AnyColour());
  }
}

void DrawText(const std::string& text, Canvas& canvas) {
  const int margin = canvas.width() / 20;
  const int room = canvas.height() * 6 / 10;
  const TextMask mask = RenderText(text, canvas.width() - 2 * margin, room);
  if (mask.height == 0) return;
  const int top = (canvas.height() - mask.height) / 2;
  const int padding = canvas.height() / 30;
  canvas.Darken(top - padding, top + mask.height + padding);
  canvas.Stamp(mask, (canvas.width() - mask.width) / 2, top);
}

Result<std::string> Encode(const Canvas& canvas, const Picture& picture) {
  static_assert(sizeof(Colour) == 3);
  const vips::VImage image =
      vips::VImage::new_from_memory(const_cast<Colour*>(canvas.pixels().data()),
                                    canvas.pixels().size() * sizeof(Colour), canvas.width(),
                                    canvas.height(), 3, VIPS_FORMAT_UCHAR)
          .copy(vips::VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  return EncodeImage(image, picture.format, picture.quality);
}

Result<void> CheckPicture(const Picture& picture) {
  if (picture.width >= 1 && picture.height >= 1 && picture.width <= kMaxPictureSide &&
      picture.height <= kMaxPictureSide && picture.quality >= 0 && picture.quality <= 100) {
    return {};
  }
  return Fail(Code::kInvalidArgument,
              "cannot draw " + std::to_string(picture.width) + "x" +
                  std::to_string(picture.height) + " at quality " +
                  std::to_string(picture.quality) + "; sides are 1 to " +
                  std::to_string(kMaxPictureSide) + ", quality is 0 to 100",
              "size");
}

}  // namespace

Result<std::string> DrawPicture(const Picture& picture) {
  if (auto valid = CheckPicture(picture); !valid) return std::unexpected(std::move(valid.error()));
  Error failed{Code::kInternal, "libvips could not encode a drawn picture; see the debug log"};
  return WithVips("drawing a picture", std::move(failed), [&] {
    Canvas canvas(picture.width, picture.height);
    Pattern pattern(picture);
    if (picture.theme) {
      Pattern theme("theme/" + std::to_string(*picture.theme));
      DrawTiles(theme, canvas);
    } else {
      DrawTiles(pattern, canvas);
    }
    DrawDiscs(pattern, canvas);
    if (std::min(picture.width, picture.height) >= kSmallestSideWithText) {
      DrawText(DisplayText(picture.text, kMaxCharacters), canvas);
    }
    return Encode(canvas, picture);
  });
}

}  // namespace reprise
