#include "image/image.h"

#include "image/png.h"
#include "image/sniff.h"
#include "image/vips_runtime.h"

namespace reprise {
namespace {

using vips::VImage;

constexpr int kMaxWebpSide = 16'383;  // WebP's limit

struct Blob {
  explicit Blob(std::string_view bytes)
      : blob(vips_blob_new(nullptr, bytes.data(), bytes.size())) {}
  ~Blob() { vips_area_unref(VIPS_AREA(blob)); }
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  VipsBlob* const blob;  // borrows the bytes
};

// libjpeg paints over missing data with grey and only warns. libpng also warns of harmless things,
// such as an odd colour profile, and reports missing data as an error.
VipsFailOn FailOn(ImageFormat format) {
  return format == ImageFormat::kJpeg ? VIPS_FAIL_ON_WARNING : VIPS_FAIL_ON_ERROR;
}

// Reads the header; pixels follow when asked for. Throws vips::VError.
VImage Open(VipsBlob* blob, ImageFormat format, VipsAccess access) {
  vips::VOption* options = VImage::option()
                               ->set("fail_on", FailOn(format))
                               ->set("access", access)
                               ->set("memory", true);  // never a temporary file, however large
  switch (format) {
    case ImageFormat::kPng:
      return VImage::pngload_buffer(blob, options);
    case ImageFormat::kJpeg:
      return VImage::jpegload_buffer(blob, options);
    case ImageFormat::kWebp:
      return VImage::webpload_buffer(blob, options);
  }
  return {};
}

// EXIF orientations 5 to 8 turn the picture by a quarter (Exif 2.3, tag 0x0112).
bool IsTurned(const VImage& image) {
  return image.get_typeof(VIPS_META_ORIENTATION) != 0 && image.get_int(VIPS_META_ORIENTATION) >= 5;
}

Error Damaged(std::string_view bytes, ImageFormat format) {
  return {Code::kBadUpstream, "the " + std::string(Extension(format)) + " image of " +
                                  std::to_string(bytes.size()) + " bytes is damaged or cut short"};
}

Result<ImageFormat> KnownFormat(std::string_view bytes, const ImageLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    return Fail(Code::kTooLarge, "the image has " + std::to_string(bytes.size()) +
                                     " bytes; the limit is " + std::to_string(limits.max_bytes));
  }
  const auto format = SniffFormat(bytes);
  if (!format) {
    return Fail(Code::kBadUpstream, "not a png, jpeg or webp image (" +
                                        std::to_string(bytes.size()) + " bytes): looks like " +
                                        DescribeBytes(bytes));
  }
  return *format;
}

Result<void> CheckPixels(int width, int height, const ImageLimits& limits) {
  if (static_cast<long long>(width) * height <= limits.max_pixels) return {};
  return Fail(Code::kTooLarge, "the image has " + std::to_string(width) + "x" +
                                   std::to_string(height) + " pixels; the limit is " +
                                   std::to_string(limits.max_pixels));
}

Result<ImageInfo> Decode(std::string_view bytes, ImageFormat format, const ImageLimits& limits) {
  Blob blob(bytes);
  const VImage image = Open(blob.blob, format, VIPS_ACCESS_SEQUENTIAL);
  if (auto fits = CheckPixels(image.width(), image.height(), limits); !fits) {
    return std::unexpected(std::move(fits.error()));
  }
  image.avg();  // the cheapest operation that needs every pixel and keeps none
  ImageInfo info{.format = format,
                 .width = image.width(),
                 .height = image.height(),
                 .has_alpha = image.has_alpha()};
  if (IsTurned(image)) std::swap(info.width, info.height);
  return info;
}

Result<void> CheckOptions(const RenderOptions& options) {
  if ((options.width == 0) != (options.height == 0) || options.width < 0 || options.height < 0 ||
      options.width > kMaxWebpSide || options.height > kMaxWebpSide) {
    return Fail(Code::kInvalidArgument,
                "cannot render " + std::to_string(options.width) + "x" +
                    std::to_string(options.height) + "; give 0x0 or sides of 1 to " +
                    std::to_string(kMaxWebpSide),
                "size");
  }
  if (options.quality < 0 || options.quality > 100) {
    return Fail(Code::kInvalidArgument,
                "quality is " + std::to_string(options.quality) + "; give 1 to 100", "quality");
  }
  return {};
}

// Upright, in sRGB (or grey) with 8 bits: what the file shows once its metadata is gone.
VImage Normalise(VImage image) {
  image = image.autorot();
  if (image.get_typeof(VIPS_META_ICC_NAME) != 0) {
    image = image.icc_transform("srgb", VImage::option()->set("embedded", true)->set("depth", 8));
  }
  const bool grey = image.bands() < 3;
  return image.colourspace(grey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB);
}

VImage Cover(const VImage& image, int width, int height) {
  if (image.width() == width && image.height() == height) return image;
  return image.thumbnail_image(width, VImage::option()
                                          ->set("height", height)
                                          ->set("size", VIPS_SIZE_BOTH)
                                          ->set("crop", VIPS_INTERESTING_CENTRE));
}

Result<std::string> Render(std::string_view bytes, ImageFormat format,
                           const RenderOptions& options) {
  Blob blob(bytes);
  VImage image = Open(blob.blob, format, VIPS_ACCESS_RANDOM);
  if (auto fits = CheckPixels(image.width(), image.height(), {}); !fits) {
    return std::unexpected(std::move(fits.error()));
  }
  image = Normalise(image);
  if (options.width > 0) image = Cover(image, options.width, options.height);
  if (options.format == ImageFormat::kJpeg && image.has_alpha()) {
    image = image.flatten(VImage::option()->set("background", 255.0));
  }
  return EncodeImage(image, options.format, options.quality);
}

}  // namespace

std::optional<Result<ImageInfo>> CheckWithoutDecoding(std::string_view bytes,
                                                      const ImageLimits& limits) {
  const auto format = KnownFormat(bytes, limits);
  if (!format) return std::unexpected(format.error());
  if (*format != ImageFormat::kPng) return std::nullopt;
  const auto png = ReadWholePng(bytes);
  if (!png) return std::unexpected(Damaged(bytes, *format));
  if (auto fits = CheckPixels(png->info.width, png->info.height, limits); !fits) {
    return std::unexpected(std::move(fits.error()));
  }
  if (png->has_exif) return std::nullopt;
  return png->info;
}

Result<ImageInfo> CheckImage(std::string_view bytes, const ImageLimits& limits) {
  if (auto checked = CheckWithoutDecoding(bytes, limits)) return std::move(*checked);
  const ImageFormat format = *SniffFormat(bytes);
  if (!HasItsEnd(bytes, format)) return std::unexpected(Damaged(bytes, format));
  return WithVips("checking an image", Damaged(bytes, format),
                  [&] { return Decode(bytes, format, limits); });
}

Result<std::string> RenderImage(std::string_view bytes, const RenderOptions& options) {
  if (auto valid = CheckOptions(options); !valid) return std::unexpected(std::move(valid.error()));
  const auto format = KnownFormat(bytes, {});
  if (!format) return std::unexpected(format.error());
  return WithVips("rendering an image", Damaged(bytes, *format),
                  [&] { return Render(bytes, *format, options); });
}

}  // namespace reprise
