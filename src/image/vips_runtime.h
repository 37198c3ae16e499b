// The edge to libvips: starting it, keeping its chatter off standard error, and turning its
// exceptions into errors. Internal to src/image.
#pragma once

#include <string_view>
#include <type_traits>
#include <vips/vips8>

#include "base/result.h"
#include "image/image.h"

namespace reprise {

// kInternal unless InitImages succeeded.
Result<void> RequireImages();

// Logs libvips' own words at debug level and empties its error buffer. The buffer is shared by all
// threads, so its text may concern another image and never enters an Error.
void LogVipsError(std::string_view during);

// Runs `work`, a callable returning Result<T>; what libvips throws becomes `error`.
template <class Work>
std::invoke_result_t<Work> WithVips(std::string_view during, Error error, Work work) {
  if (auto ready = RequireImages(); !ready) return std::unexpected(std::move(ready.error()));
  try {
    return work();
  } catch (const vips::VError&) {
    LogVipsError(during);
    return std::unexpected(std::move(error));
  }
}

// The file's bytes in `format` with `quality` (0: a good default), without metadata.
std::string EncodeImage(const vips::VImage& image, ImageFormat format, int quality);

}  // namespace reprise
