// Image bytes: what they are, and the few operations a cache needs. Pure and thread-safe, but up to
// tens of milliseconds long: call from a worker pool, never on an I/O thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

enum class ImageFormat { kPng, kJpeg, kWebp };

std::string_view MediaType(ImageFormat format);  // "image/png"
std::string_view Extension(ImageFormat format);  // "png", "jpeg", "webp"
// By the names the APIs use: png, jpeg, jpg, webp. Nothing for any other.
std::optional<ImageFormat> FormatFromName(std::string_view name);
std::optional<ImageFormat> FormatFromMediaType(std::string_view media_type);

struct ImageInfo {
  ImageFormat format = ImageFormat::kPng;
  int width = 0, height = 0;  // as shown: a JPEG's EXIF orientation is applied
  bool has_alpha = false;
};

struct ImageLimits {
  std::size_t max_bytes = 64u << 20;
  long long max_pixels = 64'000'000;  // checked on the header, before anything is decompressed
};

// Must be called once before the others (starts libvips with its operation cache off, one thread
// per operation, and only the loaders listed above). Safe to call again.
Result<void> InitImages();

// Whether the bytes are a whole image. A PNG is when its chunks match their checksums; of the
// formats that have none every pixel is decoded (of an animation: the first picture's).
// kBadUpstream when they are not a whole image of a known format, naming what they look like;
// kTooLarge beyond `limits`.
Result<ImageInfo> CheckImage(std::string_view bytes, const ImageLimits& limits = {});

// The same where it takes no decoding, hence microseconds: fit for an I/O thread. Nothing: it does.
std::optional<Result<ImageInfo>> CheckWithoutDecoding(std::string_view bytes,
                                                      const ImageLimits& limits = {});

struct RenderOptions {
  int width = 0, height = 0;  // 0 x 0: the image's own size
  ImageFormat format = ImageFormat::kPng;
  int quality = 0;  // 1-100 for jpeg and webp; 0: a good default (jpeg 85, webp 80)
};

// Decodes, covers width x height keeping the proportions, crops the centre, encodes. Orientation
// and colour profile are applied, then metadata is dropped; transparency is flattened on white for
// jpeg. kInvalidArgument when one side alone is 0, or a side or the quality is out of range; else
// fails like CheckImage.
Result<std::string> RenderImage(std::string_view bytes, const RenderOptions& options);

struct Picture {
  std::string text;  // drawn, wrapped to the width, in any script the fonts cover
  int width = 1024, height = 1024;
  unsigned long long seed = 0;  // decides background and pattern, together with the text
  // What the picture is of, whatever its words: pictures of one theme have background and tiles in
  // common and differ in details. None: everything follows text and seed.
  std::optional<unsigned long long> theme;
  ImageFormat format = ImageFormat::kPng;
  int quality = 0;
};

// A picture for the simulated upstream: a pattern that depends on text, size and seed, with the
// text readable on it. Equal input gives equal bytes. Works without any font installed (then
// without the text).
Result<std::string> DrawPicture(const Picture& picture);

}  // namespace reprise
