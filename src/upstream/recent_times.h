// How long the latest calls took. Safe for any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>

namespace reprise {

class RecentTimes {
 public:
  void Add(std::chrono::milliseconds took);
  void Clear();
  // Of the latest 31; nothing before the first.
  std::optional<std::chrono::milliseconds> Median() const;

 private:
  mutable std::mutex mutex_;
  std::array<std::chrono::milliseconds, 31> times_{};
  std::size_t added_ = 0;
};

}  // namespace reprise
