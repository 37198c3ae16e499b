// Requests and responses as handlers see them, whatever server library carries them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/file_memory.h"
#include "base/result.h"
#include "base/task.h"
#include "http/response_headers.h"

namespace reprise::http {

// Whose request it is, as far as somebody has asked for credentials.
struct Caller {
  std::string tenant;
  bool admin = false;  // may see what concerns every tenant
};

// One request. The views stay valid as long as the Request does.
struct Request {
  std::string_view method;  // "GET"
  std::string_view path;    // without the query, still percent-encoded
  std::string_view query;   // without the '?'
  std::string_view body;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  // Values of the route's {names}, percent-decoded, in the order they stand in the pattern.
  std::vector<std::string> params;
  std::shared_ptr<const void> owner;  // keeps the views alive
  // Noted before the handler runs, by what guards its route; null: nobody asked. Lives as long as
  // the request, so that what it holds (a place of a limited number) is given back after the reply.
  mutable std::shared_ptr<const Caller> caller;

  // The first header of that name (any letter case), or an empty view.
  std::string_view Header(std::string_view name) const;
};

using RequestPtr = std::shared_ptr<const Request>;

// A body that is made while it is sent: events, or what another server sends. Called by one task;
// destroyed when it has ended or the client has left.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next piece, asked for when the last one has been sent; nothing at the end. An error ends
  // the body too, and is logged: a format that must be told whole from broken marks its end itself.
  virtual Task<Result<std::optional<std::string>>> Next() = 0;
};

// Bytes that are sent from where they are, behind others.
struct FileBody {
  std::string before;
  FileBytesPtr file;
};

struct Response {
  int status = 200;
  ResponseHeaders headers;
  std::variant<std::string, SharedBytes, FileBody, std::shared_ptr<BodyStream>> body;

  Response& Set(std::string_view name, std::string_view value) {
    headers.Add(name, value);
    return *this;
  }
  // Null unless the body is a stream.
  std::shared_ptr<BodyStream> Stream() const;
  // Empty for a stream, and for a file with others before it.
  std::string_view BodyView() const;
  std::size_t BodySize() const;  // 0 for a stream
};

// A JSON response with the given text.
Response Json(int status, std::string text);

// Letter case ignored, ASCII only, as header names need.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// The part of a Content-Type before its parameters, lower-cased: "application/json".
std::string MediaTypeOf(std::string_view content_type);

}  // namespace reprise::http
