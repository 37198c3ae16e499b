#include <openssl/ssl.h>

#include <asio/bind_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <restinio/all.hpp>
#include <restinio/tls.hpp>

#include "http/listener.h"
#include "http/tls.h"

namespace reprise::http {

// With a bound on its handshake, for which the library waits for ever.
class DeadlineTlsSocket final : public ConnectionSocket<restinio::tls_socket_t> {
 public:
  DeadlineTlsSocket(asio::io_context& context, context_handle_t tls,
                    std::chrono::steady_clock::duration handshake_timeout)
      : ConnectionSocket(context, std::move(tls)), handshake_timeout_(handshake_timeout) {}

  std::chrono::steady_clock::duration handshake_timeout() const { return handshake_timeout_; }

 private:
  std::chrono::steady_clock::duration handshake_timeout_;
};

// What the library calls before it reads the first message, see restinio/tls.hpp. Timer and
// handshake run on the connection's loop.
template <class Connection, class Start, class Failed>
void prepare_connection_and_start_read(DeadlineTlsSocket& socket, Connection& connection,
                                       Start start, Failed failed) {
  if (!socket.TakePlace()) {
    failed(asio::error::make_error_code(asio::error::connection_refused));
    return;
  }
  auto held = connection.shared_from_this();
  auto timer =
      std::make_shared<asio::steady_timer>(socket.get_executor(), socket.handshake_timeout());
  auto begin = [&socket, held, timer, start, failed]() mutable {
    timer->async_wait([&socket, held](const asio::error_code& error) {
      asio::error_code ignored;
      if (!error) socket.lowest_layer().close(ignored);
    });
    auto ended = [held, timer, start, failed](const asio::error_code& error) mutable {
      timer->cancel();
      if (error) {
        failed(error);
      } else {
        start();
      }
    };
    socket.async_handshake(asio::ssl::stream_base::server, std::move(ended));
  };
  asio::dispatch(socket.get_executor(), std::move(begin));
}

}  // namespace reprise::http

namespace restinio {

template <class Settings>
class socket_type_dependent_settings_t<Settings, reprise::http::DeadlineTlsSocket>
    : public socket_type_dependent_settings_t<Settings, tls_socket_t> {
 public:
  socket_type_dependent_settings_t() = default;  // without it the class would be an aggregate
  socket_type_dependent_settings_t(socket_type_dependent_settings_t&&) = default;
};

namespace impl {

template <>
class socket_supplier_t<reprise::http::DeadlineTlsSocket> {
 protected:
  template <class Settings>
  socket_supplier_t(Settings& settings, asio::io_context& context)
      : tls_(settings.giveaway_tls_context()),
        context_(context),
        timeout_(settings.read_next_http_message_timelimit()) {
    for (std::size_t i = 0; i < settings.concurrent_accepts_count(); ++i) {
      sockets_.push_back(std::make_unique<Socket>(context_, tls_, timeout_));
    }
  }
  virtual ~socket_supplier_t() = default;

  auto& socket(std::size_t index) { return *sockets_.at(index); }
  auto move_socket(std::size_t index) {
    const auto fresh = std::make_unique<Socket>(context_, tls_, timeout_);
    sockets_.at(index)->swap(*fresh);
    return Socket(std::move(*fresh));
  }
  std::size_t concurrent_accept_sockets_count() const { return sockets_.size(); }

 private:
  using Socket = reprise::http::DeadlineTlsSocket;
  const std::shared_ptr<asio::ssl::context> tls_;
  asio::io_context& context_;
  const std::chrono::steady_clock::duration timeout_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

}  // namespace impl
}  // namespace restinio

namespace reprise::http {
namespace {

using TlsTraits = ListenerTraits<
    restinio::single_thread_tls_traits_t<restinio::asio_timer_manager_t, restinio::null_logger_t>,
    DeadlineTlsSocket>;

}  // namespace

std::unique_ptr<Listener> MakeTlsListener(ListenerParts parts) {
  SSL_CTX* const context = parts.options.tls->context();
  SSL_CTX_up_ref(context);  // asio's wrapper gives one back
  auto tls = std::make_shared<asio::ssl::context>(context);
  return std::make_unique<ListenerOf<TlsTraits>>(
      parts, [&tls](auto& settings) { settings.tls_context(tls); });
}

}  // namespace reprise::http
