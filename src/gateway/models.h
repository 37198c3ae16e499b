// The models the gateway makes images with, and OpenAI's routes that list them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/surface.h"

namespace reprise {

// The default model first, then those of the routes, each once.
std::vector<std::string> ImageModels(const GatewaySettings& settings);

// Whether `model` is one of them.
bool IsImageModel(const GatewaySettings& settings, std::string_view model);

// GET /v1/models and /v1/models/{id}.
std::unique_ptr<Surface> MakeModelsSurface(SurfaceParts parts);

}  // namespace reprise
