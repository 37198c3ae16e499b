#include "base/io_threads.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace reprise {
namespace {

std::size_t OrOnePerCore(std::size_t threads) {
  return threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

IoThreads::IoThreads(std::size_t threads)
    // Told that there is one thread only, it posts to itself without waking anybody.
    : context_(OrOnePerCore(threads) == 1 ? 1 : ASIO_CONCURRENCY_HINT_SAFE),
      work_(asio::make_work_guard(context_)) {
  threads = OrOnePerCore(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

void IoThreads::Join() {
  context_.stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void IoThreads::Stop() {
  Join();
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

IoLoops::IoLoops(std::size_t loops) {
  loops = OrOnePerCore(loops);
  for (std::size_t i = 0; i < loops; ++i) loops_.push_back(std::make_unique<IoThreads>(1));
}

void IoLoops::Join() {
  for (auto& loop : loops_) loop->Join();
}

void IoLoops::Stop() {
  for (auto& loop : loops_) loop->Stop();
}

void StopAll(IoThreads& io, IoLoops& loops, const std::function<void()>& joined) {
  io.Join();
  loops.Join();
  if (joined) joined();
  io.Stop();
  loops.Stop();
  io.Stop();  // what the tasks of the loops posted as they were destroyed
}

}  // namespace reprise
