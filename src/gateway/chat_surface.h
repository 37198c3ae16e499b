// Chat completions as OpenAI and OpenRouter have them: requests for images are answered through the
// cache, all others by the chat upstream.
#pragma once

#include <memory>

#include "gateway/surface.h"

namespace reprise {

std::unique_ptr<Surface> MakeChatSurface(SurfaceParts parts);

}  // namespace reprise
