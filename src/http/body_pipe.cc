#include "http/body_pipe.h"

#include <utility>

namespace reprise::http {

bool BodyPipe::Offer(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  if (bytes_.size() >= capacity_) {
    full_ = true;
    return false;
  }
  bytes_.append(bytes);
  Wake();
  return true;
}

void BodyPipe::End(std::optional<Error> error) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  error_ = std::move(error);
  Wake();
}

void BodyPipe::Wake() {
  if (news_) std::exchange(news_, nullptr)->Set(true);
}

Task<BodyPipe::Taken> BodyPipe::Take(Deadline deadline) {
  while (true) {
    std::shared_ptr<AsyncValue<bool>> news;
    {
      std::lock_guard lock(mutex_);
      if (!bytes_.empty()) {
        co_return Taken{std::exchange(bytes_, {}), std::exchange(full_, false)};
      }
      if (ended_ && error_) co_return Taken{std::unexpected(*error_)};
      if (ended_) co_return Taken{std::nullopt};
      news = news_ = std::make_shared<AsyncValue<bool>>();
    }
    const auto woken = co_await news->WaitUntil(deadline);
    if (!woken) co_return Taken{Fail(Code::kDeadlineExceeded, "nothing more came in time")};
  }
}

}  // namespace reprise::http
