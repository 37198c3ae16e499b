#include "app/key_watch.h"

#include <chrono>

#include "base/log.h"

namespace reprise {
namespace {

// A revocation counts after this time at most; a look costs some microseconds while nothing has
// been written.
constexpr std::chrono::milliseconds kEvery{500};
constexpr int kUseEvery = 20;  // looks

}  // namespace

KeyWatch::KeyWatch(Access& access) : access_(access), thread_([this] { Loop(); }) {}

KeyWatch::~KeyWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  if (const auto noted = access_.NoteUse(); !noted) {
    log::error("when API keys were used: {}", noted.error().message);
  }
}

void KeyWatch::Loop() {
  bool failing = false;
  for (int look = 1; !WaitForStop(); ++look) {
    const auto read = access_.Refresh();
    // Once, and not twice a second.
    if (!read && !failing) {
      log::error("API keys cannot be read, those known stay valid: {}", read.error().message);
    }
    failing = !read;
    if (look % kUseEvery != 0) continue;
    const auto noted = access_.NoteUse();
    if (!noted) log::error("when API keys were used: {}", noted.error().message);
  }
}

bool KeyWatch::WaitForStop() {
  std::unique_lock lock(mutex_);
  return stop_.wait_for(lock, kEvery, [this] { return stopping_; });
}

}  // namespace reprise
