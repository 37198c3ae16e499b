// Model names as callers write them.
#pragma once

#include <string_view>

namespace reprise {

// "dall-e-3" of "openai/dall-e-3": routers put the provider in front.
inline std::string_view BareModel(std::string_view model) {
  const auto slash = model.rfind('/');
  return slash == std::string_view::npos ? model : model.substr(slash + 1);
}

}  // namespace reprise
