// Removes the files that no entry refers to, which a crash or a failed removal leaves behind, in
// the background. Safe for any thread.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>

#include "cache/library.h"

namespace reprise {

class LeakRemoval {
 public:
  // All of them outlive this object, and this object its tasks (see under_way).
  struct Parts {
    Library& library;
    asio::io_context& context;
    bool enabled = true;  // false: the files may be another's
  };
  explicit LeakRemoval(Parts parts) : parts_(parts) {}

  // Starts the work, unless it is under way or there can be no such files. To be called now and
  // then.
  void Kick();

  // From now on nothing new is begun.
  void Stop() { stopped_ = true; }

  // Tasks that have not ended.
  std::size_t under_way() const { return tasks_.load(); }

  // Files that were removed.
  std::uint64_t removed() const { return removed_.load(); }

 private:
  Task<> Run();

  const Parts parts_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::size_t> tasks_ = 0;  // 1 or 0
  std::atomic<std::uint64_t> removed_ = 0;
};

}  // namespace reprise
