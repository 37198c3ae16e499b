// What bytes are by their first few: so that only the decoders meant for them ever see them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "image/image.h"

namespace reprise {

// By magic bytes alone; the rest may be anything.
std::optional<ImageFormat> SniffFormat(std::string_view bytes);

// For error messages about bytes that SniffFormat does not know: "HTML", "JSON", "a GIF image".
std::string DescribeBytes(std::string_view bytes);

// Whether the container ends where it says: JPEG's end marker, WebP's RIFF length. Decoders stop at
// the last pixel, so they would not notice. True of any PNG: ReadWholePng says more.
bool HasItsEnd(std::string_view bytes, ImageFormat format);

}  // namespace reprise
