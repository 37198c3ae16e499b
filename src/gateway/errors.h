// Errors in the shape OpenAI's clients know:
//   {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
#pragma once

#include "base/result.h"
#include "http/message.h"

namespace reprise {

// Status, body and, where there is advice, Retry-After.
http::Response ErrorResponse(const Error& error);

}  // namespace reprise
