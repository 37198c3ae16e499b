// A TCP socket for RESTinio that sends bytes of a FileMemory with sendfile, and whatever comes
// before them (a reply's head) in the same segments. Internal to src/http.
#pragma once

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/associated_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/file_memory.h"

namespace reprise::http {

class FileSocket : public asio::ip::tcp::socket {
 public:
  using asio::ip::tcp::socket::socket;

  // Hides the base's: at once, as far as the kernel takes it; otherwise as the base does, which
  // waits, and reports what is wrong. asio::async_write hands out 64 KB of a reply at a time
  // (default_max_transfer_size), and each part would take a turn of the loop: a file goes out as
  // far as the reply's head says it goes. So more may be reported as sent than was handed out,
  // which its buffers (detail/consuming_buffers.hpp) take as what it is.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    const std::size_t sent = SendFile(buffers);
    if (sent == 0) {
      asio::ip::tcp::socket::async_write_some(buffers, std::forward<Handler>(handler));
      return;
    }
    const auto executor = asio::get_associated_executor(handler, get_executor());
    asio::post(executor, [handler = std::forward<Handler>(handler), sent]() mutable {
      std::move(handler)(asio::error_code(), sent);
    });
  }

 private:
  // RESTinio gathers a head and a body; more pieces than these are left to the base.
  static constexpr std::size_t kPieces = 16;

  // How much of the file a reply has whose pieces before it are these: as its head says, if they
  // are a head and at most one other piece, of its body; else as much as was handed out.
  static std::size_t LengthInReply(std::span<const iovec> before, std::size_t handed_out) {
    constexpr std::string_view kHead = "HTTP/1.1 ", kEnd = "\r\n\r\n",
                               kLength = "\r\nContent-Length: ";
    const auto text = [before](std::size_t i) {
      return std::string_view(static_cast<const char*>(before[i].iov_base), before[i].iov_len);
    };
    if (before.empty() || before.size() > 2) return handed_out;
    const std::string_view head = text(0);
    const std::string_view body = before.size() == 2 ? text(1) : std::string_view();
    if (!head.starts_with(kHead) || !head.ends_with(kEnd) || body.starts_with(kHead)) {
      return handed_out;
    }
    const std::size_t at = head.find(kLength);
    if (at == head.npos) return handed_out;
    std::size_t length = 0;
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
    return std::max(handed_out, length - std::min(length, body.size()));
  }

  // How many bytes went out; 0: the last piece is not a file's, or nothing could be sent now.
  template <class Buffers>
  std::size_t SendFile(const Buffers& buffers) {
    std::array<iovec, kPieces> pieces;
    std::size_t count = 0, before = 0;
    asio::const_buffer last;
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
      const asio::const_buffer piece(*at);
      if (piece.size() == 0) continue;
      if (count == kPieces) return 0;
      before += last.size();
      last = piece;
      pieces[count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    const auto place = FileMemory::Find(last.data());
    if (count == 0 || !place) return 0;
    std::size_t sent = 0;
    if (before > 0) {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count - 1;
      const ssize_t head =
          sendmsg(native_handle(), &message, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
      if (head <= 0) return 0;
      sent = static_cast<std::size_t>(head);
      if (sent < before) return sent;
    }
    asio::error_code failed;
    // Sendfile has no flag for it. Set once: to set it is a call of the system each time.
    if (!native_non_blocking()) native_non_blocking(true, failed);
    if (failed) return sent;
    off_t offset = static_cast<off_t>(place->offset);
    const std::size_t length = LengthInReply({pieces.data(), count - 1}, last.size());
    const ssize_t body = sendfile(native_handle(), place->file, &offset, length);
    return sent + (body > 0 ? static_cast<std::size_t>(body) : 0);
  }
};

}  // namespace reprise::http
