#include <algorithm>
#include <cctype>

#include "image/image.h"

namespace reprise {
namespace {

struct FormatNames {
  ImageFormat format;
  std::string_view name, media_type;
};

constexpr FormatNames kFormats[] = {
    {ImageFormat::kPng, "png", "image/png"},
    {ImageFormat::kJpeg, "jpeg", "image/jpeg"},
    {ImageFormat::kWebp, "webp", "image/webp"},
    {ImageFormat::kJpeg, "jpg", "image/jpg"},  // not registered, but sent
};

const FormatNames& NamesOf(ImageFormat format) {
  return *std::find_if(std::begin(kFormats), std::end(kFormats),
                       [format](const FormatNames& names) { return names.format == format; });
}

bool EqualNoCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

}  // namespace

std::string_view MediaType(ImageFormat format) {
  return NamesOf(format).media_type;
}

std::string_view Extension(ImageFormat format) {
  return NamesOf(format).name;
}

std::optional<ImageFormat> FormatFromName(std::string_view name) {
  for (const FormatNames& names : kFormats) {
    if (EqualNoCase(names.name, name)) return names.format;
  }
  return std::nullopt;
}

std::optional<ImageFormat> FormatFromMediaType(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find_first_of("; \t"));  // without parameters
  for (const FormatNames& names : kFormats) {
    if (EqualNoCase(names.media_type, media_type)) return names.format;
  }
  return std::nullopt;
}

}  // namespace reprise
