// The reply of the native API. Pure.
//
//   {"entry": 12, "created": 1795239154,
//    "images": [{"url" or "b64_json", "name", "media_type", "width", "height", "revised_prompt"}],
//    "cache": {"status": "HIT", "type": "SEMANTIC", "reason", "sentence", "similarity",
//              "threshold", "bucket", "refused", "stored", "age_s", "saved_usd"}}
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cache/decision.h"
#include "cache/reply.h"
#include "gateway/image_links.h"
#include "http/message.h"

namespace reprise {

// How the caller wants the images of a native reply.
struct NativeDelivery {
  bool as_url = true;  // false: base64; needs the reply's bytes
  ImageLinks links = "";  // see ImageLinks
};

// The reply as JSON text. An image that is not stored has a data: URL and the name null.
std::string NativeJson(const Reply& reply, const Decision& decision,
                       const NativeDelivery& delivery);

// Its member "cache": the decision, with null for what does not apply to it.
nlohmann::json DecisionJson(const Decision& decision);

// The same as a response, with the headers of every surface.
http::Response WriteNative(const Reply& reply, const Decision& decision,
                           const NativeDelivery& delivery);

}  // namespace reprise
