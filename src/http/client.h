// HTTP requests over libcurl's multi interface, on one thread of its own. Knows nothing of images,
// retries or keys. Safe for any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "http/message.h"

namespace reprise::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http or https
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{30'000};  // for the whole exchange
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t max_response_bytes = 128u << 20;
  // For URLs that somebody else chose: connects to public addresses only (see IsPublicAddress),
  // and never through a proxy, which would hide the address that is really contacted.
  bool public_addresses_only = false;
  // "sha256//BASE64": the server is known by this public key, and by nothing else. Empty: by its
  // name and the system's authorities.
  std::string public_key_pin;
};

struct ClientResponse {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;

  // The first header of that lower-case name, or nothing.
  std::optional<std::string_view> Header(std::string_view name) const;
};

// A response whose body is still arriving.
struct ClientStream {
  int status = 0;
  Headers headers;  // names in lower case
  // Dropping it ends the exchange. Next fails like Fetch; kDeadlineExceeded when nothing came for
  // the request's `timeout`.
  std::shared_ptr<BodyStream> body;
};

class Client {
 public:
  Client();
  ~Client();  // Stop
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Any status is a response. kUnavailable: no connection, or it broke (truncated bodies too);
  // kDeadlineExceeded: `timeout` passed; kTooLarge: the body exceeds its limit; kInvalidArgument:
  // the URL or a header cannot be used; kForbidden: the address is not public but has to be.
  // Messages name scheme, host, port and path, never the query or a header. Redirects are not
  // followed. The client and the io_context of the calling task outlive the call.
  Task<Result<ClientResponse>> Fetch(ClientRequest request);

  // The same, but returns as soon as status and headers are there. A reader that is slower than the
  // server slows it down: at most some 256 KiB wait in memory, and max_response_bytes does not
  // count. `timeout` bounds every silence, not the whole. The client outlives the stream.
  Task<Result<ClientStream>> Open(ClientRequest request);

  // Fails what is under way, and whatever comes later, with kUnavailable. Safe to call again.
  void Stop();

 private:
  class Impl;
  class StreamedBody;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reprise::http
