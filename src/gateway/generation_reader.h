// The parameters of an image request as JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/request.h"

namespace reprise {

struct OpenAiSettings {
  std::string default_model = "gpt-image-1";
  std::size_t prompt_chars = 32'000;  // code points
  int max_side = 4096;
};

struct ImageCall {
  ImageRequest request;
  bool as_url = false;     // links instead of base64
  bool stream = false;     // events instead of one reply
  int partial_images = 0;  // events with a picture before each finished one, when streamed
};

enum class Dialect {
  kOpenAi,
  kOpenAiVariation,  // without a prompt
  kNative,           // also tags, category and prefer; links unless response_format says b64_json
};

// One JSON object. Parameters it does not know are passed on to the upstream, and shape the
// identity. kInvalidArgument names the parameter and its value.
Result<ImageCall> ReadGenerationBody(std::string_view body, Dialect dialect,
                                     const OpenAiSettings& settings);

// "1024x1536" or "auto".
Result<ImageSize> ParseSize(std::string_view text, int max_side);

// "quality", "speed" or "price".
Result<Preference> ParsePreference(std::string_view text);

}  // namespace reprise
