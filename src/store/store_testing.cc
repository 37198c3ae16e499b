#include "store/store_testing.h"

#include <unistd.h>

#include <atomic>

namespace reprise {

TaskRunner::TaskRunner() : work_(asio::make_work_guard(context_)) {
  for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
}

TaskRunner::~TaskRunner() {
  work_.reset();
  for (auto& thread : threads_) thread.join();
}

TemporaryDirectory::TemporaryDirectory() {
  static std::atomic<int> count = 0;
  path_ = std::filesystem::temp_directory_path() /
          ("reprise-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::filesystem::create_directories(path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace reprise
