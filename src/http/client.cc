#include "http/client.h"

#include <curl/curl.h>

#include <csignal>
#include <mutex>
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

}  // namespace

std::optional<std::string_view> ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

// Invariant: a transfer is in `orders_.begin` or in `active_` until libcurl is done with it. Only
// the client's thread touches `active_` and `multi_`, but for curl_multi_wakeup: that is called
// under the mutex, so that the thread cannot see `stopping_` and free `multi_` in between.
class Client::Impl {
 public:
  Impl() : multi_(curl_multi_init()), thread_([this] { Run(); }) {}

  ~Impl() { Stop(); }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      if (!stopping_) curl_multi_wakeup(multi_);
      stopping_ = true;
    }
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
  // What other threads want of the client's own.
  struct Orders {
    Transfers begin, resume, cancel;
  };

  // False when the client is stopping.
  bool Order(Transfers Orders::*list, std::shared_ptr<Transfer> transfer) {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    (orders_.*list).push_back(std::move(transfer));
    curl_multi_wakeup(multi_);
    return true;
  }

  void Run() {
    BlockSignals();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    while (!Follow(Take())) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      Collect();
      // Woken by sockets, by libcurl's own timers and by Submit.
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    Abandon();
    curl_multi_cleanup(multi_);
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
