// The body of a response between the thread that receives it and the task that reads it. Holds a
// bounded number of bytes: a full pipe stops the sender. Safe for any thread; one reader.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/async_value.h"
#include "base/result.h"
#include "base/task.h"

namespace reprise::http {

class BodyPipe {
 public:
  // From so many waiting bytes on it is full.
  explicit BodyPipe(std::size_t capacity) : capacity_(capacity) {}

  // False: full. The bytes stay with the writer until Take says `was_full`.
  bool Offer(std::string_view bytes);
  // No more will come, because of `error` if there is one. The first call counts.
  void End(std::optional<Error> error);

  struct Taken {
    Result<std::optional<std::string>> piece;  // nothing at the end
    bool was_full = false;                     // the writer waits to be resumed
  };
  // All that has arrived, or the next to arrive. kDeadlineExceeded when nothing does in time.
  Task<Taken> Take(Deadline deadline);

 private:
  void Wake();  // with the mutex held

  const std::size_t capacity_;
  std::mutex mutex_;
  std::string bytes_;
  bool full_ = false, ended_ = false;
  std::optional<Error> error_;
  std::shared_ptr<AsyncValue<bool>> news_;  // set while a reader waits
};

}  // namespace reprise::http
