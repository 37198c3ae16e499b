// Conditional and partial requests for one immutable representation (RFC 9110, sections 13 and 14).
#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace reprise::http {

// Whether an If-None-Match value names `etag` (given with its quotes); weak comparison.
bool EtagMatches(std::string_view if_none_match, std::string_view etag);

// Turns `whole` (status 200, with its full body and headers) into what the request's conditions ask
// for: 304 (body kept for its length), 206 with one range, 416, or itself. Several ranges at once
// are answered with the whole, which RFC 9110 allows.
Response ApplyConditions(const Request& request, std::string_view etag, Response whole);

}  // namespace reprise::http
