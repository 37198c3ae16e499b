// Requests as they were read, the last of them: applications ask for the same again and again, and
// to read a request takes longer than to find its answer. Safe for any thread.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/cache_knobs.h"

namespace reprise {

// A Call is what a surface reads of a request, and has its ImageRequest as `request`.
template <class Call>
class Readings {
 public:
  using CallPtr = std::shared_ptr<const Call>;

  explicit Readings(std::size_t most = 4096) : slots_(most) {}

  // What `read()`, a Result<Call>, gives for a request, or gave for an equal one of that tenant.
  // `text`: all that it depends on, but for the headers of ReadCacheHeaders; requests that have
  // such are read each time.
  template <class Read>
  Result<CallPtr> Get(const http::Request& http, std::string_view text, std::string_view tenant,
                      Read read) {
    const bool keeps = text.size() <= kMostText && !HasCacheHeaders(http);
    Slot& slot = slots_[std::hash<std::string_view>{}(text) % slots_.size()];
    std::mutex& mutex = mutexes_[static_cast<std::size_t>(&slot - slots_.data()) % mutexes_.size()];
    if (keeps) {
      std::lock_guard lock(mutex);
      if (slot.call && slot.text == text && slot.call->request.tenant == tenant) return slot.call;
    }
    Result<Call> call = read();
    if (!call) return std::unexpected(call.error());
    call->request.tenant = tenant;
    Slot fresh{std::string(text), std::make_shared<const Call>(std::move(*call))};
    CallPtr kept = fresh.call;
    if (keeps) {
      std::lock_guard lock(mutex);
      std::swap(slot, fresh);
    }
    return kept;
  }

 private:
  // Few ask for the same with more, and it bounds the memory.
  static constexpr std::size_t kMostText = 2048;

  // Each text has one slot, where the last of those that share it stays.
  struct Slot {
    std::string text;
    CallPtr call;
  };
  std::vector<Slot> slots_;
  std::array<std::mutex, 64> mutexes_;  // of slot i: i modulo their number
};

// The call's request, alive as long as the call.
template <class Call>
std::shared_ptr<const ImageRequest> RequestOf(const std::shared_ptr<const Call>& call) {
  return {call, &call->request};
}

}  // namespace reprise
