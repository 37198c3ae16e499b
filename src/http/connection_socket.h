// What the library's connections are made of: sockets that hold their connection's place among
// those of its address, and say whose bytes are being read on this thread; and parser callbacks
// that count a body while it arrives. Internal to src/http.
#pragma once

#include <asio/associated_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <restinio/all.hpp>

#include "http/client_bounds.h"
#include "http/file_socket.h"

namespace reprise::http {

// The meter of the connection whose bytes this thread is parsing; null: of none.
inline thread_local BodyMeter* reading_meter = nullptr;

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
    if (!meter_) return (void)Socket::async_read_some(buffers, std::forward<Handler>(handler));
    const auto executor = asio::get_associated_executor(handler, this->get_executor());
    auto parse = [meter = meter_.get(), handler = std::forward<Handler>(handler)](
                     const asio::error_code& error, std::size_t size) mutable {
      struct Reading {
        explicit Reading(BodyMeter* meter) { reading_meter = meter; }
        ~Reading() { reading_meter = nullptr; }
      } reading(meter);
      handler(error, size);
    };
    Socket::async_read_some(buffers, asio::bind_executor(executor, std::move(parse)));
  }

 private:
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

}  // namespace reprise::http

namespace restinio::impl {

// As the library's, but for bodies that find no room, whose bytes are dropped, and for chunks, of
// which the library would remember 48 bytes each, however small they are.
template <>
inline http_parser_settings create_parser_settings<reprise::http::MeteredMethods>() noexcept {
  http_parser_settings settings = create_parser_settings<restinio::default_http_methods_t>();
  settings.on_chunk_header = nullptr;
  // An offer to switch protocols is not taken up (RFC 9110, 7.8), nor is a CONNECT: for those the
  // library would stop its clock for good, and a client that reads nothing could stay for ever.
  settings.on_headers_complete = [](http_parser* parser) -> int {
    const int done = restinio_headers_complete_cb(parser);
    parser->upgrade = 0;
    return done;
  };
  settings.on_body = [](http_parser* parser, const char* at, std::size_t length) -> int {
    reprise::http::BodyMeter* const meter = reprise::http::reading_meter;
    if (!meter || meter->Add(length)) return restinio_body_cb(parser, at, length);
    auto& context = *static_cast<http_parser_ctx_t*>(parser->data);
    std::string().swap(context.m_body);
    return meter->arrived() > context.m_limits.max_body_size() ? -1 : 0;
  };
  return settings;
}

}  // namespace restinio::impl
