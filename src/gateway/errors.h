// Errors in the shape OpenAI's clients know:
//   {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
#pragma once

#include "base/result.h"
#include "http/message.h"

namespace reprise {

// Codes (Error::upstream) of refusals that are about who asks, not about what: OpenAI's names where
// it has one.
inline constexpr char kInvalidApiKey[] = "invalid_api_key";
inline constexpr char kMissingScope[] = "missing_scope";
inline constexpr char kLinkNotValid[] = "link_not_valid";
inline constexpr char kLinkExpired[] = "link_expired";

// Status, body and, where there is advice, Retry-After.
http::Response ErrorResponse(const Error& error);

}  // namespace reprise
