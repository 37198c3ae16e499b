// What the library's connections are made of: sockets that hold their connection's place among
// those of its address, say whose bytes are being parsed on this thread, and tell a client that
// waits to send its body; and parser callbacks that count a body while it arrives. Internal to
// src/http.
#pragma once

#include <asio/associated_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <climits>
#include <memory>
#include <optional>
#include <restinio/all.hpp>
#include <string_view>
#include <utility>

#include "http/client_bounds.h"
#include "http/file_socket.h"
#include "http/head_check.h"

namespace reprise::http {

// Beyond the body that handlers take, so that a larger one can be told so.
inline constexpr std::size_t kRefusalSlack = 8u << 20;

// Lives while this thread runs what a connection was called back for, in which it may parse.
class ParsingTurn {
 public:
  explicit ParsingTurn(BodyMeter* its_meter)
      : meter(its_meter), before_(std::exchange(current, this)) {}
  ~ParsingTurn() { current = before_; }
  ParsingTurn(const ParsingTurn&) = delete;

  inline static thread_local ParsingTurn* current = nullptr;

  BodyMeter* const meter;         // the connection's; null: none
  bool continue_awaited = false;  // a head was accepted whose client has not begun with the body

 private:
  ParsingTurn* const before_;
};

template <class Socket>
class ConnectionSocket : public Socket {
 public:
  using Socket::Socket;

  // Called once, before anything is read. False: the connection is to be closed.
  bool TakePlace() {
    asio::error_code error;
    const auto client = this->lowest_layer().remote_endpoint(error);
    if (error) return false;  // it has gone already
    const auto server = this->lowest_layer().local_endpoint(error);
    if (error) return false;
    bounds_ = BoundsOf(server.port());
    if (!bounds_) return true;
    meter_ = std::make_unique<BodyMeter>(bounds_->bodies);
    auto place = bounds_->connections.Enter(client.address());
    if (place) place_.emplace(std::move(*place));
    return place.has_value();
  }

  // The library calls it with the handler that parses, on the connection's strand; the connection
  // lives until that has returned.
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    auto parse = InTurn(std::forward<Handler>(handler));
    ParsingTurn* const turn = ParsingTurn::current;
    if (turn && std::exchange(turn->continue_awaited, false)) {
      SayContinue(buffers, std::move(parse));
    } else {
      Socket::async_read_some(buffers, std::move(parse));
    }
  }

  // When a reply is written, what came of the next request meanwhile is parsed.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    Socket::async_write_some(buffers, InTurn(std::forward<Handler>(handler)));
  }

 private:
  template <class Handler>
  auto InTurn(Handler&& handler) {
    const auto executor = asio::get_associated_executor(handler, this->get_executor());
    auto run = [meter = meter_.get(), handler = std::forward<Handler>(handler)](
                   const asio::error_code& error, std::size_t size) mutable {
      ParsingTurn turn(meter);
      std::move(handler)(error, size);
    };
    return asio::bind_executor(executor, std::move(run));
  }

  // Then reads on. Nothing else is being written: the library takes one request at a time, and has
  // not the whole of this one.
  template <class Buffers, class Handler>
  void SayContinue(const Buffers& buffers, Handler handler) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto executor = asio::get_associated_executor(handler, this->get_executor());
    auto read = [this, buffers, handler = std::move(handler)](const asio::error_code& error,
                                                              std::size_t) mutable {
      if (error) return std::move(handler)(error, 0);
      Socket::async_read_some(buffers, std::move(handler));
    };
    asio::async_write(static_cast<Socket&>(*this), asio::buffer(kContinue.data(), kContinue.size()),
                      asio::bind_executor(executor, std::move(read)));
  }

  std::shared_ptr<ClientBounds> BoundsOf(std::uint16_t port) {
    auto& context =
        asio::query(this->get_executor(), asio::execution::context_as<asio::execution_context&>);
    return asio::use_service<BoundsByPort>(context).Find(port);
  }

  std::shared_ptr<ClientBounds> bounds_;  // null: none; outlives the next two
  std::unique_ptr<BodyMeter> meter_;
  std::optional<ConnectionCount::Place> place_;
};

using PlainSocket = ConnectionSocket<FileSocket>;

// What the library calls before it reads the first message.
template <class Connection, class Start, class Failed>
void prepare_connection_and_start_read(PlainSocket& socket, Connection&, Start start,
                                       Failed failed) {
  if (socket.TakePlace()) {
    start();
  } else {
    failed(asio::error::make_error_code(asio::error::connection_refused));
  }
}

// A name of its own for the callbacks below; the methods are the library's.
struct MeteredMethods : restinio::default_http_methods_t {};

// Notes what the library leaves out of a head. True: the client waits, and is to be refused.
inline bool IsRefusedUnread(const http_parser& parser, restinio::impl::http_parser_ctx_t& context) {
  auto& head = context.m_header;
  head.http_major(parser.http_major);
  head.http_minor(parser.http_minor);
  if (parser.content_length != ULLONG_MAX) head.content_length(parser.content_length);
  if (ExpectationOf(head) == Expectation::kNone) return false;
  if (RefusalOfHead(head, context.m_limits.max_body_size() - kRefusalSlack)) return true;
  const bool has_body = (parser.flags & F_CHUNKED) || head.content_length() > 0;
  if (ParsingTurn::current) ParsingTurn::current->continue_awaited = has_body;
  return false;
}

}  // namespace reprise::http

namespace restinio::impl {

// As the library's, but for clients that wait to be told whether to send their body, for bodies
// that find no room, whose bytes are dropped, and for chunks, of which the library would remember
// 48 bytes each, however small they are.
template <>
inline http_parser_settings create_parser_settings<reprise::http::MeteredMethods>() noexcept {
  http_parser_settings settings = create_parser_settings<restinio::default_http_methods_t>();
  settings.on_chunk_header = nullptr;
  settings.on_headers_complete = [](http_parser* parser) -> int {
    constexpr int kNoBody = 1;  // the message ends here, and its request is answered
    auto& context = *static_cast<http_parser_ctx_t*>(parser->data);
    const bool refused = reprise::http::IsRefusedUnread(*parser, context);
    const int done = refused ? kNoBody : restinio_headers_complete_cb(parser);
    // An offer to switch protocols is not taken up (RFC 9110, 7.8), nor is a CONNECT: for those the
    // library would stop its clock for good, and a client that reads nothing could stay for ever.
    parser->upgrade = 0;
    return done;
  };
  settings.on_body = [](http_parser* parser, const char* at, std::size_t length) -> int {
    auto* const turn = reprise::http::ParsingTurn::current;
    if (turn) turn->continue_awaited = false;
    reprise::http::BodyMeter* const meter = turn ? turn->meter : nullptr;
    if (!meter || meter->Add(length)) return restinio_body_cb(parser, at, length);
    auto& context = *static_cast<http_parser_ctx_t*>(parser->data);
    std::string().swap(context.m_body);
    return meter->arrived() > context.m_limits.max_body_size() ? -1 : 0;
  };
  return settings;
}

}  // namespace restinio::impl
