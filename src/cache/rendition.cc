#include "cache/rendition.h"

#include <algorithm>
#include <charconv>

namespace reprise {
namespace {

constexpr std::size_t kIdLength = 32;
constexpr int kMaxSide = 8192;

// Reads a whole number in [1, max] off the front of `text`.
std::optional<int> TakeNumber(std::string_view& text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 1 || value > max || text.front() == '0') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsId(std::string_view text) {
  return text.size() == kIdLength &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

bool Rendition::IsOriginal(const StoredImage& image) const {
  const bool same_size =
      size.automatic() || (size.width == image.width && size.height == image.height);
  return same_size && quality == 0 && MediaType(format) == image.media_type;
}

Rendition RenditionFor(const StoredImage& image, const Delivery& delivery, ImageSize size) {
  const ImageFormat stored = FormatFromMediaType(image.media_type).value_or(ImageFormat::kPng);
  Rendition rendition{.size = size, .format = delivery.format.value_or(stored), .quality = 0};
  if (size.width == image.width && size.height == image.height) rendition.size = {};
  if (rendition.format != ImageFormat::kPng) rendition.quality = delivery.quality;
  return rendition;
}

std::string RenditionName(std::string_view image_id, const Rendition& rendition) {
  constexpr std::size_t kUsualSize = 64;
  std::string name;
  name.reserve(kUsualSize);
  name += image_id;
  if (!rendition.size.automatic()) name += "_" + ToString(rendition.size);
  if (rendition.quality != 0) name += "_q" + std::to_string(rendition.quality);
  name += '.';
  name += Extension(rendition.format);
  return name;
}

std::optional<NamedRendition> ParseRenditionName(std::string_view name) {
  NamedRendition named;
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot < kIdLength) return std::nullopt;
  const auto format = FormatFromName(name.substr(dot + 1));
  if (!format || Extension(*format) != name.substr(dot + 1)) return std::nullopt;
  if (!IsId(name.substr(0, kIdLength))) return std::nullopt;
  named.image_id = name.substr(0, kIdLength);
  named.rendition.format = *format;
  std::string_view rest = name.substr(kIdLength, dot - kIdLength);
  if (rest.size() > 1 && rest[1] != 'q' && Take(rest, "_")) {
    const auto width = TakeNumber(rest, kMaxSide);
    if (!width || !Take(rest, "x")) return std::nullopt;
    const auto height = TakeNumber(rest, kMaxSide);
    if (!height) return std::nullopt;
    named.rendition.size = {*width, *height};
  }
  if (Take(rest, "_q")) {
    const auto quality = TakeNumber(rest, 100);
    if (!quality) return std::nullopt;
    named.rendition.quality = *quality;
  }
  return rest.empty() ? std::optional(named) : std::nullopt;
}

}  // namespace reprise
