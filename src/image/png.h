// The container of a PNG file (PNG specification, third edition, clauses 5 and 11).
#pragma once

#include <optional>
#include <string_view>

#include "image/image.h"

namespace reprise {

struct WholePng {
  ImageInfo info;
  bool has_exif = false;  // which may turn the picture
};

// What a PNG's chunks say when the file is whole: from the header over the image data to IEND every
// chunk is there and matches its checksum. Checksums cover every byte that a decoder reads, so what
// the encoder made has arrived, and nothing is decompressed. Nothing when the file is not whole, or
// no decoder would take its header.
std::optional<WholePng> ReadWholePng(std::string_view bytes);

}  // namespace reprise
