// A server for tests that answers with exactly the bytes it is told to, however wrong, on
// 127.0.0.1. Header-only, so that tests of other folders can use it.
#pragma once

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/task.h"

namespace reprise::http {

// What the server does with one request.
struct RawReply {
  enum class Then { kKeepAlive, kClose, kHang };

  std::string bytes;
  Then then = Then::kKeepAlive;
  std::chrono::milliseconds delay{0};  // before every chunk
  std::size_t chunk = 0;               // bytes per write; 0: all at once
};

// A whole HTTP response with a Content-Length.
inline RawReply HttpReply(int status, const std::string& body, const std::string& headers = {}) {
  return {"HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body};
}
inline RawReply JsonReply(int status, const std::string& body, const std::string& headers = {}) {
  return HttpReply(status, body, "Content-Type: application/json\r\n" + headers);
}
inline RawReply CloseReply(const std::string& bytes = {}) {
  return {bytes, RawReply::Then::kClose};
}
inline RawReply HangReply(const std::string& bytes = {}) {
  return {bytes, RawReply::Then::kHang};
}

class RawServer {
 public:
  // Called with the whole request, head and body, one request at a time.
  using Handler = std::function<RawReply(const std::string& request)>;

  explicit RawServer(Handler handler)
      : handler_(std::move(handler)),
        acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}),
        port_(acceptor_.local_endpoint().port()) {
    asio::co_spawn(context_, Accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  // Answers request i with reply i, and every later one with the last.
  explicit RawServer(std::vector<RawReply> script)
      : RawServer([script = std::move(script), next = std::size_t{0}](const std::string&) mutable {
          return script[std::min(next++, script.size() - 1)];
        }) {}
  ~RawServer() {
    context_.stop();
    thread_.join();
  }

  int port() const { return port_; }
  std::string Url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const {
    std::lock_guard lock(mutex_);
    return connections_;
  }

 private:
  using Socket = asio::ip::tcp::socket;

  Task<> Accept() {
    for (;;) {
      Socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      {
        std::lock_guard lock(mutex_);
        ++connections_;
      }
      asio::co_spawn(context_, Serve(std::move(socket)), asio::detached);
    }
  }

  // Ends by an exception when the peer closes.
  Task<> Serve(Socket socket) {
    std::string buffer;
    for (;;) {
      const std::string request = co_await ReadRequest(socket, buffer);
      const RawReply reply = Record(request);
      co_await Write(socket, reply);
      if (reply.then == RawReply::Then::kClose) co_return;
      if (reply.then == RawReply::Then::kHang) {
        co_await Sleep(std::chrono::hours(1));
      }
    }
  }

  RawReply Record(const std::string& request) {
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    return handler_(request);
  }

  // Leaves what follows the request in `buffer`.
  static Task<std::string> ReadRequest(Socket& socket, std::string& buffer) {
    const std::size_t head = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer),
                                                             "\r\n\r\n", asio::use_awaitable);
    const std::size_t whole = head + BodyLength(buffer.substr(0, head));
    if (buffer.size() < whole) {
      co_await asio::async_read(socket, asio::dynamic_buffer(buffer),
                                asio::transfer_exactly(whole - buffer.size()), asio::use_awaitable);
    }
    std::string request = buffer.substr(0, whole);
    buffer.erase(0, whole);
    co_return request;
  }

  static std::size_t BodyLength(const std::string& head) {
    constexpr std::string_view kName = "Content-Length: ";
    const auto at = head.find(kName);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + kName.size()));
  }

  static Task<> Write(Socket& socket, const RawReply& reply) {
    const std::size_t step = reply.chunk == 0 ? reply.bytes.size() : reply.chunk;
    for (std::size_t at = 0; at < reply.bytes.size() || at == 0; at += step) {
      if (reply.delay.count() > 0) co_await Sleep(reply.delay);
      const std::string part = reply.bytes.substr(at, step);
      co_await asio::async_write(socket, asio::buffer(part), asio::use_awaitable);
      if (step == 0) break;
    }
  }

  const Handler handler_;
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  const int port_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  int connections_ = 0;
  std::thread thread_;
};

// A port of 127.0.0.1 that refuses connections for as long as this lives.
class RefusingPort {
 public:
  RefusingPort() : socket_(context_, {asio::ip::make_address("127.0.0.1"), 0}) {}
  std::string Url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(socket_.local_endpoint().port()) + path;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;  // bound, never listening
};

}  // namespace reprise::http
