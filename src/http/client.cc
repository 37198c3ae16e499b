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

// Invariant: a transfer is in `queue_` or in `active_` until its outcome is set. Only the client's
// thread touches `active_` and `multi_`, but for curl_multi_wakeup: that is called under the mutex,
// so that the thread cannot see `stopping_` and free `multi_` in between.
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
    {
      std::lock_guard lock(mutex_);
      if (!stopping_) {
        queue_.push_back(std::move(transfer));
        curl_multi_wakeup(multi_);
        return;
      }
    }
    transfer->Abandon();
  }

 private:
  using Transfers = std::vector<std::shared_ptr<Transfer>>;

  void Run() {
    BlockSignals();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    while (!Begin(Take())) {
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
    for (auto& transfer : Take()) transfer->Abandon();
  }

  Transfers Take() {
    std::lock_guard lock(mutex_);
    return std::exchange(queue_, {});
  }

  // Hands new transfers to libcurl. True when the client is stopping.
  bool Begin(Transfers transfers) {
    for (auto& transfer : transfers) {
      CURL* handle = transfer->handle();
      curl_multi_add_handle(multi_, handle);
      active_.emplace(handle, std::move(transfer));
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
  Transfers queue_;
  std::unordered_map<CURL*, std::shared_ptr<Transfer>> active_;
  std::thread thread_;  // last: starts when all else is ready
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

}  // namespace reprise::http
