// The head of a reply as it is sent. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/response_headers.h"

namespace reprise::http {

// By what a reader finds the end of the body (RFC 9112, 6.3): its length, its chunks, or, with
// neither, the end of the connection, unless there can be no body.
struct Framing {
  std::optional<std::size_t> length;
  bool chunked = false;
};

struct ReplyHead {
  int status = 200;
  Framing framing;
  bool keep_alive = true;
  std::string_view date;  // the Date header's value
};

// RFC 9110, 15; "Status" for a status that the gateway has no use for.
std::string_view ReasonPhrase(int status);

// With the empty line that ends it. `headers` say none of what `head` says.
std::string SpellHead(const ReplyHead& head, const ResponseHeaders& headers);

}  // namespace reprise::http
