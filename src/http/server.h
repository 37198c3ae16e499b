// The HTTP server: RESTinio, on one loop per core. Parses requests, runs each route's handler as a
// task on its connection's loop, writes the response. Knows nothing about images.
//
// Bodies up to Options::body_bytes reach the handlers; larger ones get a 413 when they are at most
// kRefusalSlack larger, and a closed connection beyond that (RESTinio drops such a message unread).
// A client that waits for "100 Continue" gets it, or its 413, before it sends its body.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/io_threads.h"
#include "base/result.h"
#include "http/router.h"

namespace reprise::http {

struct ClientBounds;
class TlsIdentity;

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8484;  // 0: any free one, see Server::port
  std::size_t body_bytes = 32u << 20;
  std::size_t header_bytes = 16u << 10;  // the longest URL or header value
  std::size_t header_count = 100;
  std::size_t connections = 8192;
  // A request must have arrived whole, and an idle connection is kept, for at most this long.
  std::chrono::milliseconds read_timeout{60'000};
  std::chrono::milliseconds write_timeout{60'000};
  // A handler that takes longer loses its connection; above every wait of the handlers.
  std::chrono::milliseconds handle_timeout{900'000};
  std::shared_ptr<TlsIdentity> tls;      // null: plain HTTP
  std::shared_ptr<ClientBounds> bounds;  // null: none; servers may share them
};

// Splits "HOST:PORT"; "[::1]:80" for IPv6. kInvalidArgument with what is wrong.
Result<std::pair<std::string, std::uint16_t>> ParseListen(std::string_view listen);

class Server {
 public:
  // Turns an error of the server itself (404, 405, 413, an exception) into a response.
  using ErrorRenderer = std::function<Response(const Error&)>;

  // `router` must not change once the server has started.
  // `loops` outlive it.
  Server(IoLoops& loops, ServerOptions options, Router router, ErrorRenderer on_error);
  ~Server();  // Stop, without waiting for requests under way

  // Binds and starts accepting; the loops must be running. kUnavailable when the
  // address is taken.
  Result<void> Start();
  std::uint16_t port() const;

  // Accepts no further connection, closes each after the response it is working on, and returns
  // when every request under way is answered or `patience` is over. True: all were answered.
  bool Drain(std::chrono::milliseconds patience);

  std::size_t requests_under_way() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace reprise::http
