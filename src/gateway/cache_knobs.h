// What a caller can ask of the cache, however it is said: the body's `cache` object (LiteLLM's
// names), Cache-Control (RFC 9111), and X-Reprise-* headers for clients that can set only headers.
// Where several speak, the strictest counts; of several namespaces, the last header's.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/request.h"
#include "http/message.h"

namespace reprise {

// The `cache` object. Unknown members are refused with the list of those there are; null is as good
// as left out.
Result<void> ReadCacheObject(simdjson::dom::element value, ImageRequest& request);

// Adds a list of tags to the request's, of which there are at most 32, of 1 to 100 bytes each.
Result<void> ReadTags(std::string_view name, simdjson::dom::element value,
                      std::vector<std::string>& tags);

// Cache-Control: no-cache, no-store, only-if-cached, max-age; other directives are ignored, as
// RFC 9111 asks. X-Reprise-Namespace, -TTL (seconds), -Threshold, -Max-Error, -Mode, -Match,
// -Variants.
Result<void> ReadCacheHeaders(const http::Request& http, CacheControl& control);

// Whether there is any of these.
bool HasCacheHeaders(const http::Request& http);

}  // namespace reprise
