// What a request's head alone says about it: whether its client waits before it sends the body, and
// whether it is refused whatever follows. Pure. Internal to src/http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <restinio/all.hpp>

#include "base/result.h"

namespace reprise::http {

// RFC 9110, 10.1.1. HTTP/1.0 knows none: there the header is ignored.
enum class Expectation { kNone, kContinue, kUnknown };
Expectation ExpectationOf(const restinio::http_request_header_t& head);

// False: HTTP/1.0 or older, without chunks and interim replies.
bool SpeaksHttp11(const restinio::http_request_header_t& head);

struct HeadRefusal {
  Error error;
  int status = 0;  // 0: the error's
};

// `body_bytes` is the most that a body may have. A larger one is refused here when its client waits
// to be told, elsewhere when it has arrived.
std::optional<HeadRefusal> RefusalOfHead(const restinio::http_request_header_t& head,
                                         std::size_t body_bytes);

Error BodyTooLarge(std::uint64_t size, std::size_t limit);

}  // namespace reprise::http
