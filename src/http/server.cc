#include "http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>

#include "base/async_value.h"
#include "base/log.h"
#include "http/head_check.h"
#include "http/listener.h"
#include "http/reply_head.h"
#include "http/reply_output.h"

namespace reprise::http {
namespace {

using PlainTraits = ListenerTraits<restinio::default_single_thread_traits_t, PlainSocket>;
// Advice when the memory for bodies is used up: most of them are worked on for less.
constexpr long long kNoRoomRetryMs = 1000;

// A client that takes us for a proxy sends "http://host/path" (RFC 9112, 3.2.2): the part behind
// the host, which is all that routes know.
std::string_view WithoutOrigin(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const auto end = target.find_first_of("/?", scheme + 3);
  return end == std::string_view::npos ? "/" : target.substr(end);
}

// Views into the library's request, which the result keeps alive.
std::shared_ptr<Request> Wrap(restinio::request_handle_t handle) {
  auto request = std::make_shared<Request>();
  const auto& header = handle->header();
  const std::string& target = header.request_target();
  const std::string_view whole =
      WithoutOrigin(std::string_view(target).substr(0, target.find('#')));
  const auto question = whole.find('?');
  request->path = whole.substr(0, question);
  if (question != std::string_view::npos) request->query = whole.substr(question + 1);
  request->method = header.method().c_str();
  request->body = handle->body();
  request->headers.reserve(header.fields_count());
  header.for_each_field([&](const restinio::http_header_field_t& field) {
    request->headers.emplace_back(field.name(), field.value());
  });
  request->owner = std::move(handle);
  return request;
}

// `no_room`: the body was dropped while it arrived.
std::optional<HeadRefusal> RefusalOf(const restinio::http_request_header_t& head,
                                     std::size_t body_bytes, bool no_room) {
  if (!no_room) return RefusalOfHead(head, body_bytes);
  return HeadRefusal{{.code = Code::kOverloaded,
                      .message =
                          "the memory for request bodies is used up at the moment; try again "
                          "(setting limits.bodies)",
                      .retry_after_ms = kNoRoomRetryMs}};
}

// What follows the head of any other reply (RFC 9112, 6.3).
bool HasBody(const Request& request, const Response& response) {
  return request.method != "HEAD" && response.status != 204 && response.status != 304;
}

// The Date header's value, spelt once a second by each thread.
const std::string& DateOfNow() {
  thread_local std::time_t second = 0;
  thread_local std::string date;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    date = restinio::make_date_field_value(now);
    second = now;
  }
  return date;
}

using Output = restinio::response_builder_t<ReplyOutput>;

// With the response's head as its first piece.
Output BeginReply(restinio::request_handle_t handle, const Response& response, Framing framing,
                  bool close) {
  auto output = handle->create_response<ReplyOutput>();
  if (close) output.connection_close();
  const ReplyHead head{.status = response.status,
                       .framing = framing,
                       .keep_alive = output.header().should_keep_alive(),
                       .date = DateOfNow()};
  output.Add(SpellHead(head, response.headers));
  return output;
}

// A chunk is its length and its bytes (RFC 9112, 7.1).
void AddChunk(Output& output, std::string bytes) {
  output.Add(fmt::format("{:x}\r\n", bytes.size()));
  output.Add(std::move(bytes));
  output.Add(restinio::const_buffer("\r\n", 2));
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(IoLoops& loops, ServerOptions options, Router router, ErrorRenderer on_error)
      : loops_(loops),
        options_(std::move(options)),
        router_(std::move(router)),
        on_error_(std::move(on_error)) {}

  Result<void> Start() {
    std::signal(SIGPIPE,
                SIG_IGN);  // a client that has left is no reason to end: sendfile raises it
    try {
      if (loops_.size() > 1) Probe();
      for (std::size_t loop = 0; loop < loops_.size(); ++loop) Open(loops_.context(loop));
    } catch (const std::exception& error) {
      Close();
      return Fail(Code::kUnavailable, "cannot listen on " + options_.host + ":" +
                                          std::to_string(options_.port) + ": " + error.what() +
                                          "; choose another address with --listen");
    }
    return {};
  }

  std::uint16_t port() const { return port_.load(); }
  std::size_t under_way() const { return under_way_.load(); }

  bool Drain(std::chrono::milliseconds patience) {
    draining_ = true;
    Close();
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, patience, [this] { return under_way_ == 0; });
  }

  // Stops accepting. The library's own close would also wait on an io_context that may have
  // stopped; what is posted to one that has would live as long as it, which the others may not.
  void Close() {
    for (const OpenListener& open : listeners_) {
      if (open.context->stopped()) continue;
      asio::post(*open.context,
                 [self = shared_from_this(), &listener = *open.listener] { listener.Close(self); });
    }
  }

 private:
  struct OpenListener {
    asio::io_context* context;
    std::unique_ptr<Listener> listener;
  };

  // Throws when somebody else has the address: another process that shares its port, as the loops
  // do among themselves, would get half of the connections.
  void Probe() {
    const asio::ip::tcp::endpoint address(asio::ip::make_address(options_.host), options_.port);
    asio::io_context context;
    asio::ip::tcp::acceptor(context, address, true);
  }

  // Before anything is accepted.
  void Bound(asio::io_context& context, std::uint16_t port) {
    port_ = port;
    if (options_.bounds) asio::use_service<BoundsByPort>(context).Set(port, options_.bounds);
  }

  // The loops share a port, among whose listeners the kernel distributes connections.
  void Open(asio::io_context& context) {
    listeners_.push_back({&context, MakeListener(context)});
    listeners_.back().listener->Open();
  }

  std::unique_ptr<Listener> MakeListener(asio::io_context& context) {
    const ListenerParts parts{
        .context = context,
        .options = options_,
        .port = port_ == 0 ? options_.port : port_.load(),
        .sharers = loops_.size(),
        .bound = [this, &context](std::uint16_t port) { Bound(context, port); },
        .accept =
            [this, &context](restinio::request_handle_t handle) {
              return Accept(context, std::move(handle));
            }};
    if (options_.tls) return MakeTlsListener(parts);
    return std::make_unique<ListenerOf<PlainTraits>>(parts, [](auto&) {});
  }

  // Counts a request from its arrival until its last byte is written, or its connection is gone:
  // the library drops a write's callback, uncalled, when the client has left.
  using UnderWay = std::shared_ptr<void>;
  UnderWay CountRequest(std::shared_ptr<BodyHold> body) {
    ++under_way_;
    return UnderWay(
        nullptr, [self = shared_from_this(), body = std::move(body)](void*) { self->Finished(); });
  }

  // What the body of the request that has just arrived on this thread holds: mostly nothing.
  struct Arrived {
    std::shared_ptr<BodyHold> body;
    bool refused = false;
  };
  static Arrived TakeBody() {
    const ParsingTurn* const turn = ParsingTurn::current;
    if (!turn || !turn->meter) return {};
    BodyMeter::Arrived arrived = turn->meter->Finish();
    if (arrived.hold.bytes() == 0) return {.body = nullptr, .refused = arrived.refused};
    return {.body = std::make_shared<BodyHold>(std::move(arrived.hold))};
  }

  restinio::request_handling_status_t Accept(asio::io_context& context,
                                             restinio::request_handle_t handle) {
    // Posted, because the library takes a response from within this call for permission to read on,
    // and reads on once more when it is written: that drops what the parser had of a request.
    Arrived arrived = TakeBody();
    asio::post(context, [self = shared_from_this(), &context, refused = arrived.refused,
                         under_way = CountRequest(std::move(arrived.body)),
                         handle = std::move(handle)]() mutable {
      auto request = Wrap(handle);
      Spawn(context.get_executor(),
            Answer(self, std::move(under_way), std::move(handle), std::move(request), refused),
            [](std::exception_ptr) {});
    });
    return restinio::request_accepted();
  }

  static Task<> Answer(std::shared_ptr<Impl> self, UnderWay under_way,
                       restinio::request_handle_t handle, std::shared_ptr<Request> request,
                       bool no_room) {
    const auto refusal = RefusalOf(handle->header(), self->options_.body_bytes, no_room);
    Response response;
    if (refusal) {
      response = self->on_error_(refusal->error);
      if (refusal->status > 0) response.status = refusal->status;
    } else {
      response = co_await self->Run(request);
    }
    log::debug("{} {} {}", request->method, request->path, response.status);
    // What follows a message of uncertain length on its connection is nobody's request.
    const bool close = self->draining_ || refusal;
    if (response.Stream() && HasBody(*request, response)) {
      // Who cannot read chunks knows the body's end by the connection's.
      const bool chunked = SpeaksHttp11(handle->header());
      co_await Stream(std::move(handle), std::move(response), chunked, close || !chunked);
      co_return;  // and under_way with it
    }
    self->Write(std::move(under_way), std::move(handle), *request, std::move(response), close);
  }

  // Resolves when a write has ended: true when the bytes went out. The library drops the callback
  // of a write, uncalled, when the client has left.
  struct Written {
    ~Written() { done->Set(false); }
    std::shared_ptr<AsyncValue<bool>> done = std::make_shared<AsyncValue<bool>>();
  };

  // Each piece is asked for when the one before has been written, so a slow client slows its
  // source, and memory holds one piece.
  static Task<> Stream(restinio::request_handle_t handle, Response response, bool chunked,
                       bool close) {
    const auto stream = response.Stream();
    auto output = BeginReply(std::move(handle), response, {.chunked = chunked}, close);
    bool open = true;
    while (open) {
      auto piece = co_await NextPiece(*stream);
      if (!piece) {
        log::warn("a streamed reply ends early: {}", piece.error().message);
        BreakOff(output);
        co_return;
      }
      if (!*piece) break;
      if ((*piece)->empty()) continue;  // an empty chunk would be the end
      if (chunked) {
        AddChunk(output, std::move(**piece));
      } else {
        output.Add(std::move(**piece));
      }
      auto written = std::make_shared<Written>();
      const auto done = written->done;
      output.Flush([written](const asio::error_code& error) { written->done->Set(!error); });
      written.reset();
      open = co_await done->WaitUntil(Deadline::max()) == true;  // write_timeout bounds it
    }
    if (chunked) output.Add(restinio::const_buffer("0\r\n\r\n", 5));
    output.Done({});
  }

  // Without the last chunk, by which alone the client can tell (RFC 9112, 8), unless it is one of
  // HTTP/1.0: the library closes the connection of a write whose callback throws.
  static void BreakOff(Output& output) {
    output.Flush([](const asio::error_code&) { throw std::runtime_error("the reply is cut off"); });
  }

  static Task<Result<std::optional<std::string>>> NextPiece(BodyStream& stream) {
    std::string cause = "an exception of unknown type";
    try {
      co_return co_await stream.Next();
    } catch (const std::exception& error) {
      cause = error.what();
    } catch (...) {
    }
    co_return Fail(Code::kInternal, cause);
  }

  // Whatever a handler throws, its request is answered: Drain waits for it.
  Task<Response> Run(std::shared_ptr<Request> request) {
    std::string cause;
    try {
      co_return co_await Dispatch(request);
    } catch (const std::exception& error) {
      cause = error.what();
    } catch (...) {
      cause = "an exception of unknown type";
    }
    log::error("{} {}: {}", request->method, request->path, cause);
    co_return on_error_(
        Error{Code::kInternal, "an internal error occurred; the server log names its cause"});
  }

  Task<Response> Dispatch(std::shared_ptr<Request> request) {
    auto match = router_.Find(request->method, request->path);
    if (!match.handler) co_return NoRoute(*request, match.allow);
    if (request->body.size() > options_.body_bytes) {
      co_return on_error_(BodyTooLarge(request->body.size(), options_.body_bytes));
    }
    request->params = std::move(match.params);
    const RequestPtr shared = request;
    co_return co_await (*match.handler)(shared);
  }

  Response NoRoute(const Request& request, const std::string& allow) {
    // As long for HEAD as for GET.
    const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
    const std::string what = std::string(method) + " " + std::string(request.path);
    if (allow.empty()) {
      return on_error_(Error{Code::kNotFound, "no such route: " + what + "; see docs/http-api.md"});
    }
    Response response =
        on_error_(Error{Code::kInvalidArgument, what + ": the method must be one of " + allow});
    response.status = 405;
    response.Set("Allow", allow);
    return response;
  }

  void Write(UnderWay under_way, restinio::request_handle_t handle, const Request& request,
             Response response, bool close) {
    auto written = [under_way = std::move(under_way)](const auto&) {};
    Framing framing{.length = response.BodySize()};
    // The length is the one of a full answer (RFC 9110, 8.6): a stream's is not known.
    if (response.status == 204 || response.Stream()) framing.length.reset();
    auto output = BeginReply(std::move(handle), response, framing, close);
    if (HasBody(request, response)) AddBody(output, std::move(response));
    output.Done(std::move(written));
  }

  static void AddBody(Output& output, Response response) {
    if (auto* text = std::get_if<std::string>(&response.body)) {
      output.Add(std::move(*text));
    } else if (auto* file = std::get_if<FileBody>(&response.body)) {
      output.Add(std::move(file->before));
      output.Add(std::move(file->file));
    } else if (auto* bytes = std::get_if<SharedBytes>(&response.body); bytes && *bytes) {
      output.Add(std::move(*bytes));
    }
  }

  void Finished() {
    if (--under_way_ > 0) return;
    std::lock_guard lock(mutex_);
    idle_.notify_all();
  }

  IoLoops& loops_;
  const ServerOptions options_;
  const Router router_;
  const ErrorRenderer on_error_;
  std::vector<OpenListener> listeners_;
  std::atomic<std::uint16_t> port_ = 0;
  std::atomic<std::size_t> under_way_ = 0;
  std::atomic<bool> draining_ = false;
  std::mutex mutex_;
  std::condition_variable idle_;
};

Server::Server(IoLoops& loops, ServerOptions options, Router router, ErrorRenderer on_error)
    : impl_(std::make_shared<Impl>(loops, std::move(options), std::move(router),
                                   std::move(on_error))) {}
Server::~Server() {
  impl_->Close();
}
Result<void> Server::Start() {
  return impl_->Start();
}
std::uint16_t Server::port() const {
  return impl_->port();
}
bool Server::Drain(std::chrono::milliseconds patience) {
  return impl_->Drain(patience);
}
std::size_t Server::requests_under_way() const {
  return impl_->under_way();
}

Result<std::pair<std::string, std::uint16_t>> ParseListen(std::string_view listen) {
  const auto colon = listen.rfind(':');
  const bool found = colon != std::string_view::npos;
  const std::string_view digits = found ? listen.substr(colon + 1) : "";
  std::string_view host = found ? listen.substr(0, colon) : "";
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  if (v6) host = host.substr(1, host.size() - 2);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      port > 65535 || host.empty() || v6 != (host.find(':') != std::string_view::npos)) {
    return Fail(Code::kInvalidArgument, "'" + std::string(listen) +
                                            "' is not an address to listen on; write HOST:PORT, "
                                            "e.g. 127.0.0.1:8484 or [::1]:8484");
  }
  return std::pair(host == "localhost" ? std::string("127.0.0.1") : std::string(host),
                   static_cast<std::uint16_t>(port));
}

}  // namespace reprise::http
