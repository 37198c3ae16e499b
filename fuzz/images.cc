// What comes as an image: headers, PNG's container, and the decoders under limits.
#include "image/image.h"
#include "image/png.h"
#include "image/sniff.h"
#include "targets.h"

namespace reprise::fuzz {

void Images(std::string_view bytes) {
  static const bool ready = InitImages().has_value();
  Promise(ready, "the decoders are there");
  (void)DescribeBytes(bytes);
  const auto format = SniffFormat(bytes);
  if (format) (void)HasItsEnd(bytes, *format);
  const auto png = ReadWholePng(bytes);
  if (png) Promise(png->info.width > 0 && png->info.height > 0, "an image has a size");
  const ImageLimits limits{.max_bytes = 1u << 20, .max_pixels = 250'000};
  const auto info = CheckImage(bytes, limits);
  if (info) Promise(1LL * info->width * info->height <= limits.max_pixels, "limits hold");
  const auto rendered =
      RenderImage(bytes, {.width = 32, .height = 32, .format = ImageFormat::kPng});
  if (rendered) Promise(CheckImage(*rendered).has_value(), "what is rendered is an image");
}

}  // namespace reprise::fuzz
