// OpenAI's Images API: reading its requests, writing its replies. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/image_cache.h"
#include "http/message.h"

namespace reprise {

struct OpenAiSettings {
  std::string default_model = "gpt-image-1";
  std::size_t prompt_chars = 32'000;  // code points
  int max_side = 4096;
};

struct ImageCall {
  ImageRequest request;
  bool as_url = false;  // data[].url instead of data[].b64_json
};

// The body of POST /v1/images/generations. Parameters it does not know are passed on to the
// upstream, and shape the identity.
Result<ImageCall> ReadGeneration(const http::Request& http, const OpenAiSettings& settings);

// `url_base` is "http://host:port", without a slash at its end.
http::Response WriteImages(const Reply& reply, const Decision& decision, bool as_url,
                           std::string_view url_base);

// "1024x1536" or "auto".
Result<ImageSize> ParseSize(std::string_view text, int max_side);

}  // namespace reprise
