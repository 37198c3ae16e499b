// What binds, accepts and reads for a Server: RESTinio, over TLS or plain TCP. Internal to
// src/http; a file apart for TLS, as either takes half a minute to compile.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <restinio/all.hpp>

#include "http/connection_socket.h"
#include "http/server.h"

namespace reprise::http {

// All of it outlives the listener.
struct ListenerParts {
  asio::io_context& context;  // of one thread, so the library needs no locks and no strands
  const ServerOptions& options;
  std::uint16_t port;   // instead of the options'
  std::size_t sharers;  // listeners that share the port, and the number of connections
  std::function<void(std::uint16_t port)> bound;
  std::function<restinio::request_handling_status_t(restinio::request_handle_t)> accept;
};

template <class Base, class Socket>
struct ListenerTraits : Base {
  static constexpr bool use_connection_count_limiter = true;
  using stream_socket_t = Socket;
  using http_methods_mapper_t = MeteredMethods;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Binds; throws what the library throws.
  virtual void Open() = 0;
  // Stops accepting; on the context, without waiting: `keep`, which the listener lives as long as,
  // is let go when that is done.
  virtual void Close(std::shared_ptr<void> keep) = 0;
};

std::unique_ptr<Listener> MakeTlsListener(ListenerParts parts);  // options.tls is there

template <class Settings>
void ConfigureListener(Settings& settings, const ListenerParts& parts) {
  const ServerOptions& options = parts.options;
  settings.address(options.host)
      .port(parts.port)
      .buffer_size(16384)
      // One accept at a time: the library numbers connections with a plain integer.
      .concurrent_accepts_count(1)
      .max_parallel_connections((options.connections + parts.sharers - 1) / parts.sharers)
      .read_next_http_message_timelimit(options.read_timeout)
      .write_http_response_timelimit(options.write_timeout)
      .handle_request_timeout(options.handle_timeout)
      .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t{}
                                    .max_url_size(options.header_bytes)
                                    .max_field_name_size(256)
                                    // The library's bound is the first length it refuses.
                                    .max_field_value_size(options.header_bytes + 1)
                                    .max_field_count(options.header_count)
                                    .max_body_size(options.body_bytes + kRefusalSlack))
      .socket_options_setter([](auto& socket) { socket.set_option(asio::ip::tcp::no_delay(true)); })
      .acceptor_options_setter(
          [shared = parts.sharers > 1](restinio::acceptor_options_t& acceptor) {
            using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
            acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true));
            if (shared) acceptor.set_option(ReusePort(true));
          })
      .acceptor_post_bind_hook([bound = parts.bound](asio::ip::tcp::acceptor& acceptor) {
        bound(acceptor.local_endpoint().port());
      })
      .request_handler(parts.accept);
}

// `prepare` adds what one kind of socket needs to the settings.
template <class Traits>
class ListenerOf final : public Listener {
 public:
  template <class Prepare>
  ListenerOf(const ListenerParts& parts, Prepare prepare)
      : server_(restinio::external_io_context(parts.context), [&](auto& settings) {
          ConfigureListener(settings, parts);
          prepare(settings);
        }) {}

  void Open() override { server_.open_sync(); }
  void Close(std::shared_ptr<void> keep) override {
    server_.close_async([keep] {}, [keep](std::exception_ptr) {});
  }

 private:
  restinio::http_server_t<Traits> server_;
};

}  // namespace reprise::http
