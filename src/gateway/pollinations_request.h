// Pollinations' image API: reading GET /prompt/{prompt}, writing its errors. Pure.
//
// The key rules of that service: parameters may stand in any order; a parameter with its default
// value, or an empty one, is as good as left out; who asks, and how the reply is presented, is not
// part of the image (nologo, private, referrer, token, ...); a seed that is given is.
#pragma once

#include "base/result.h"
#include "gateway/generation_reader.h"
#include "http/message.h"

namespace reprise {

struct PollinationsCall {
  ImageRequest request;
  bool is_private = false;  // shared caches are to keep no copy
};

// The prompt is the route's first parameter, decoded; the query has the others. kInvalidArgument
// names the parameter and its value.
Result<PollinationsCall> ReadPollinations(const http::Request& http,
                                          const OpenAiSettings& settings);

// {"error": "Bad Request", "message": ..., "details": {"code": ..., "param": ...}}
http::Response PollinationsError(const Error& error);

}  // namespace reprise
