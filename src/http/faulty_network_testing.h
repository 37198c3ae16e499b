// A network between a client and a server of a test that loses its nerve: it passes bytes on, and
// at some point resets the connection, closes it, falls silent or becomes slow. Header-only, so
// that tests of other folders can use it.
#pragma once

#include <array>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/task.h"

namespace reprise::http {

struct NetworkFault {
  enum class Kind { kNone, kRefuse, kReset, kClose, kSilence };

  Kind kind = Kind::kNone;
  bool of_request = false;             // counts what the client sends, otherwise what it gets
  std::size_t after = 0;               // bytes that still pass
  std::size_t piece = 64u << 10;       // at most so many bytes at once
  std::chrono::milliseconds delay{0};  // before every piece
};

class FaultyNetwork {
 public:
  // Asked once for each connection, on the network's own thread.
  using Choose = std::function<NetworkFault()>;

  FaultyNetwork(std::uint16_t server, Choose choose)
      : server_(asio::ip::make_address("127.0.0.1"), server),
        choose_(std::move(choose)),
        acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}),
        port_(acceptor_.local_endpoint().port()) {
    asio::co_spawn(context_, Accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~FaultyNetwork() {
    context_.stop();
    thread_.join();
  }

  std::string Url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  using Tcp = asio::ip::tcp;
  struct Connection {
    Connection(asio::io_context& context, Tcp::socket accepted)
        : client(std::move(accepted)), server(context) {}
    Tcp::socket client, server;
    NetworkFault fault;
    bool silent = false;

    void End(bool reset) {
      asio::error_code ignored;
      if (reset) client.set_option(asio::socket_base::linger(true, 0), ignored);
      client.close(ignored);
      server.close(ignored);
    }
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  Task<> Accept() {
    while (true) {
      auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
      auto connection = std::make_shared<Connection>(context_, std::move(socket));
      connection->fault = choose_();
      if (connection->fault.kind == NetworkFault::Kind::kRefuse) {
        connection->End(true);
        continue;
      }
      asio::co_spawn(context_, Begin(std::move(connection)), asio::detached);
    }
  }

  Task<> Begin(ConnectionPtr connection) {
    co_await connection->server.async_connect(server_, asio::use_awaitable);
    asio::co_spawn(context_, Pass(connection, true), asio::detached);
    co_await Pass(connection, false);
  }

  // An error of either socket ends the task with an exception, which is as good as any end.
  static Task<> Pass(ConnectionPtr connection, bool request) {
    Tcp::socket& from = request ? connection->client : connection->server;
    Tcp::socket& to = request ? connection->server : connection->client;
    const NetworkFault& fault = connection->fault;
    const bool faulty = fault.kind != NetworkFault::Kind::kNone && fault.of_request == request;
    std::size_t passed = 0;
    std::string buffer(fault.piece, 0);
    while (true) {
      asio::error_code end;
      const std::size_t size = co_await from.async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, end));
      if (end) break;
      if (fault.delay.count() > 0) co_await Sleep(fault.delay);
      const std::size_t passes = faulty ? std::min(size, fault.after - passed) : size;
      co_await asio::async_write(to, asio::buffer(buffer, passes), asio::use_awaitable);
      passed += passes;
      if (!faulty || passed < fault.after) continue;
      // Whoever waits for the rest waits until it gives up.
      if (fault.kind == NetworkFault::Kind::kSilence) connection->silent = true;
      if (connection->silent) co_return;
      connection->End(fault.kind == NetworkFault::Kind::kReset);
      co_return;
    }
    if (!connection->silent) connection->End(false);
  }

  asio::io_context context_;
  const Tcp::endpoint server_;
  const Choose choose_;
  Tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::thread thread_;
};

}  // namespace reprise::http
