// A client for tests that sends exactly the bytes it is told to, however wrong, to 127.0.0.1.
// Blocking, for one thread; a read that brings nothing for 20 s ends. Header-only, so that tests of
// other folders can use it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace reprise::http {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}
  ~RawClient() {
    if (socket_ >= 0) ::close(socket_);
  }

  bool connected() const { return connected_; }

  // False when the server has closed the connection.
  bool TrySend(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  RawClient& Send(std::string_view bytes) {
    TrySend(bytes);
    return *this;
  }
  RawClient& FinishSending() {
    ::shutdown(socket_, SHUT_WR);
    return *this;
  }

  // Everything until the server closes.
  std::string ReadToEnd() {
    while (ReadSome()) {
    }
    return std::exchange(buffer_, {});
  }

  // Everything up to and with `end`; what there is when the server closes first.
  std::string ReadUntil(std::string_view end) {
    std::size_t at;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!ReadSome()) return std::exchange(buffer_, {});
    }
    std::string text = buffer_.substr(0, at + end.size());
    buffer_.erase(0, text.size());
    return text;
  }

  // One response with a Content-Length, head and body; what there is when the server closes first.
  std::string ReadReply() {
    std::size_t head;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadSome()) return std::exchange(buffer_, {});
    }
    const std::size_t whole = head + 4 + BodyLength();
    while (buffer_.size() < whole && ReadSome()) {
    }
    std::string reply = buffer_.substr(0, whole);
    buffer_.erase(0, whole);
    return reply;
  }

 private:
  bool ReadSome() {
    char bytes[16384];
    const auto read = ::recv(socket_, bytes, sizeof bytes, 0);
    if (read > 0) buffer_.append(bytes, static_cast<std::size_t>(read));
    return read > 0;
  }

  std::size_t BodyLength() const {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = buffer_.find(kName);
    if (at == std::string::npos) return 0;
    return std::strtoull(buffer_.c_str() + at + kName.size(), nullptr, 10);
  }

  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace reprise::http
