// OpenAI's Images API over the cache: generations, edits and variations, plain or streamed.
#pragma once

#include <memory>

#include "gateway/surface.h"

namespace reprise {

std::unique_ptr<Surface> MakeOpenAiSurface(SurfaceParts parts);

}  // namespace reprise
