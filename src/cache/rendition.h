// A stored image in the size and format a caller asked for, and the file name that says so in URLs:
// "{id}.png" as stored, "{id}_512x512.webp" cut to size, "{id}_q70.jpeg" with a quality.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/request.h"
#include "store/entry_store.h"

namespace reprise {

struct Rendition {
  ImageSize size;  // automatic: as stored
  ImageFormat format = ImageFormat::kPng;
  int quality = 0;  // 0: default

  // True when the stored bytes are the answer.
  bool IsOriginal(const StoredImage& image) const;
};

// What `image` becomes for `delivery`, cut to `size` unless automatic.
Rendition RenditionFor(const StoredImage& image, const Delivery& delivery, ImageSize size);

std::string RenditionName(std::string_view image_id, const Rendition& rendition);

struct NamedRendition {
  std::string image_id;
  Rendition rendition;
};
// Nothing for a name that RenditionName cannot have made.
std::optional<NamedRendition> ParseRenditionName(std::string_view name);

}  // namespace reprise
