#include "http/client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "http/transfer.h"

namespace reprise::http {
namespace {

// Idle connections kept for reuse, over all hosts.
constexpr long kIdleConnections = 64;

// libcurl asks for one call before any thread uses it; it is never undone, as other libraries in
// the process may use libcurl too.
void StartCurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

// Keeps the process's signals off the client's thread; a peer that closes while OpenSSL writes to
// it raises SIGPIPE there.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// An epoll set that libcurl's sockets come and go in, with a descriptor to wake the wait. Wake may
// be called from any thread; the rest belongs to one. The constructor throws std::system_error when
// the process has no descriptors left.
class SocketSet {
 public:
  SocketSet() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC)) {
    if (!Control(EPOLL_CTL_ADD, wake_, EPOLLIN)) {
      throw std::system_error(errno, std::generic_category(), "cannot watch sockets");
    }
  }
  ~SocketSet() {
    ::close(wake_);
    ::close(epoll_);
  }
  SocketSet(const SocketSet&) = delete;
  SocketSet& operator=(const SocketSet&) = delete;

  void Wake() { ::eventfd_write(wake_, 1); }

  // `what` as in libcurl's CURLMOPT_SOCKETFUNCTION.
  void Watch(curl_socket_t socket, int what) {
    // Of a paused transfer, too: epoll tells of a connection that broke, wanted or not, each time.
    if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE) {
      Control(EPOLL_CTL_DEL, socket, 0);
      return;
    }
    std::uint32_t events = 0;
    if (what & CURL_POLL_IN) events |= EPOLLIN;
    if (what & CURL_POLL_OUT) events |= EPOLLOUT;
    if (!Control(EPOLL_CTL_MOD, socket, events)) Control(EPOLL_CTL_ADD, socket, events);
  }

  // Waits up to `wait`, or without end when it is negative, then calls `ready(socket, bitmask)`, as
  // curl_multi_socket_action takes them.
  template <class Ready>
  void Wait(std::chrono::milliseconds wait, Ready ready) {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(wait.count()));
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == wake_) {
        eventfd_t ignored;
        ::eventfd_read(wake_, &ignored);
        continue;
      }
      int bits = 0;
      if (events[i].events & (EPOLLIN | EPOLLHUP)) bits |= CURL_CSELECT_IN;
      if (events[i].events & EPOLLOUT) bits |= CURL_CSELECT_OUT;
      if (events[i].events & EPOLLERR) bits |= CURL_CSELECT_ERR;
      ready(events[i].data.fd, bits);
    }
  }

 private:
  bool Control(int operation, int descriptor, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = descriptor}};
    return ::epoll_ctl(epoll_, operation, descriptor, &event) == 0;
  }

  const int epoll_, wake_;
};

}  // namespace

std::optional<std::string_view> ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

// libcurl tells which sockets to wait for, so that a wake-up costs the same however many transfers
// are under way; curl_multi_poll looks at each of them.
//
// Invariant: a transfer is in `orders_.begin` or in `active_` until libcurl is done with it. Only
// the client's thread touches `active_` and `multi_`.
class Client::Impl {
 public:
  Impl() : multi_(curl_multi_init()), thread_([this] { Run(); }) {}

  ~Impl() { Stop(); }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    sockets_.Wake();
    if (thread_.joinable()) thread_.join();
  }

  void Submit(std::shared_ptr<Transfer> transfer) {
    if (!Order(&Orders::begin, transfer)) transfer->Abandon();
  }
  // Of a streamed transfer whose pipe was full.
  void Resume(std::shared_ptr<Transfer> transfer) { Order(&Orders::resume, std::move(transfer)); }
  void Cancel(std::shared_ptr<Transfer> transfer) { Order(&Orders::cancel, std::move(transfer)); }

 private:
  using Transfers = std::vector<std::shared_ptr<Transfer>>;
  using Clock = std::chrono::steady_clock;
  // What other threads want of the client's own.
  struct Orders {
    Transfers begin, resume, cancel;
    bool empty() const { return begin.empty() && resume.empty() && cancel.empty(); }
  };

  // False when the client is stopping.
  bool Order(Transfers Orders::*list, std::shared_ptr<Transfer> transfer) {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    const bool idle = orders_.empty();  // else it is awake, or about to be
    (orders_.*list).push_back(std::move(transfer));
    if (idle) sockets_.Wake();
    return true;
  }

  void Run() {
    BlockSignals();
    SetUp();
    while (!Follow(Take())) {
      Collect();
      sockets_.Wait(TimeToWait(), [this](curl_socket_t socket, int bits) { Act(socket, bits); });
      if (due_ && Clock::now() >= *due_) {
        due_.reset();  // acting may set it anew
        Act(CURL_SOCKET_TIMEOUT, 0);
      }
      Collect();
    }
    Abandon();
    curl_multi_cleanup(multi_);
  }

  void SetUp() {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  }

  void Act(curl_socket_t socket, int bits) {
    int running = 0;
    curl_multi_socket_action(multi_, socket, bits, &running);
  }

  // Rounded up: woken early it would find nothing due, and wait for 0 ms until there is.
  std::chrono::milliseconds TimeToWait() const {
    if (!due_) return std::chrono::milliseconds(-1);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due_ - Clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }

  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    static_cast<Impl*>(self)->sockets_.Watch(socket, what);
    return 0;
  }

  static int OnTimer(CURLM*, long wait_ms, void* self) {
    auto& due = static_cast<Impl*>(self)->due_;
    due.reset();
    if (wait_ms >= 0) due = Clock::now() + std::chrono::milliseconds(wait_ms);
    return 0;
  }

  void Abandon() {
    for (auto& [handle, transfer] : active_) {
      curl_multi_remove_handle(multi_, handle);
      transfer->Abandon();
    }
    active_.clear();
    for (auto& transfer : Take().begin) transfer->Abandon();
  }

  Orders Take() {
    std::lock_guard lock(mutex_);
    return std::exchange(orders_, {});
  }

  // True when the client is stopping. Transfers that have ended have no handle any more.
  bool Follow(Orders orders) {
    for (auto& transfer : orders.begin) {
      CURL* handle = transfer->handle();
      curl_multi_add_handle(multi_, handle);
      active_.emplace(handle, std::move(transfer));
    }
    for (auto& transfer : orders.resume) {
      if (transfer->handle()) curl_easy_pause(transfer->handle(), CURLPAUSE_CONT);
    }
    for (auto& transfer : orders.cancel) {
      if (active_.erase(transfer->handle()) == 0) continue;
      curl_multi_remove_handle(multi_, transfer->handle());
      transfer->Abandon();
    }
    std::lock_guard lock(mutex_);
    return stopping_;
  }

  void Collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      auto node = active_.extract(message->easy_handle);  // the message dies with the handle
      curl_multi_remove_handle(multi_, node.key());
      node.mapped()->Finish(code);
    }
  }

  CURLM* const multi_;
  SocketSet sockets_;
  std::optional<Clock::time_point> due_;  // when libcurl wants to be called without a socket
  std::mutex mutex_;
  bool stopping_ = false;
  Orders orders_;
  std::unordered_map<CURL*, std::shared_ptr<Transfer>> active_;
  std::thread thread_;  // last: starts when all else is ready
};

class Client::StreamedBody final : public BodyStream {
 public:
  StreamedBody(Impl& client, std::shared_ptr<Transfer> transfer, std::chrono::milliseconds patience)
      : client_(client), transfer_(std::move(transfer)), patience_(patience) {}
  ~StreamedBody() override { client_.Cancel(transfer_); }

  Task<Result<std::optional<std::string>>> Next() override {
    auto taken = co_await transfer_->pipe().Take(After(patience_));
    if (taken.was_full) client_.Resume(transfer_);
    if (!taken.piece && taken.piece.error().code == Code::kDeadlineExceeded) {
      co_return Silence(*transfer_, patience_);
    }
    co_return std::move(taken.piece);
  }

  static std::unexpected<Error> Silence(const Transfer& transfer,
                                        std::chrono::milliseconds patience) {
    return Fail(Code::kDeadlineExceeded,
                transfer.Where() + " sent nothing for " + std::to_string(patience.count()) + " ms");
  }

 private:
  Impl& client_;
  const std::shared_ptr<Transfer> transfer_;
  const std::chrono::milliseconds patience_;
};

Client::Client() {
  StartCurl();
  impl_ = std::make_unique<Impl>();
}

Client::~Client() = default;
void Client::Stop() {
  impl_->Stop();
}

Task<Result<ClientResponse>> Client::Fetch(ClientRequest request) {
  auto transfer = Transfer::Create(std::move(request));
  if (!transfer) co_return std::unexpected(std::move(transfer.error()));
  impl_->Submit(*transfer);
  // libcurl keeps the time limit, and the client sets the outcome even when it stops.
  auto outcome = co_await (*transfer)->outcome().WaitUntil(Deadline::max());
  co_return std::move(**outcome);
}

Task<Result<ClientStream>> Client::Open(ClientRequest request) {
  const auto patience = request.timeout;
  auto transfer = Transfer::Create(std::move(request), Transfer::Delivery::kStreamed);
  if (!transfer) co_return std::unexpected(std::move(transfer.error()));
  impl_->Submit(*transfer);
  // From here on dropping it ends the exchange.
  auto body = std::make_shared<StreamedBody>(*impl_, *transfer, patience);
  auto outcome = co_await (*transfer)->outcome().WaitUntil(After(patience));
  if (!outcome) co_return StreamedBody::Silence(**transfer, patience);
  Result<ClientResponse>& head = **outcome;
  if (!head) co_return std::unexpected(std::move(head.error()));
  co_return ClientStream{head->status, std::move(head->headers), std::move(body)};
}

}  // namespace reprise::http
