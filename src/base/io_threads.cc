#include "base/io_threads.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace reprise {

IoThreads::IoThreads(std::size_t threads) : work_(asio::make_work_guard(context_)) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

void IoThreads::Stop() {
  if (threads_.empty()) return;
  context_.stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  context_.DestroyPending();
}

void IoThreads::Run() {
  while (true) {
    try {
      context_.run();
      return;
    } catch (const std::exception& error) {
      log::error("an exception escaped to an I/O thread: {}", error.what());
    }
  }
}

}  // namespace reprise
