// Has a running gateway see the API keys that are added and revoked meanwhile, by whatever process,
// and writes down when keys were used. A thread of its own, as a revocation waits for no busy pool.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "gateway/access.h"

namespace reprise {

class KeyWatch {
 public:
  // `access` outlives it.
  explicit KeyWatch(Access& access);
  // Stops, with the last uses written.
  ~KeyWatch();

 private:
  void Loop();
  bool WaitForStop();

  Access& access_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reprise
