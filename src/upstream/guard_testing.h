// An upstream that does as told, for the tests of what stands around upstreams.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/async_value.h"
#include "upstream/image_generator.h"

namespace reprise {

using Gate = std::shared_ptr<AsyncValue<bool>>;
inline Gate MakeGate() {
  return std::make_shared<AsyncValue<bool>>();
}

// What the calls of a FakeUpstream do, in their order. Safe for any thread.
class FakeScript {
 public:
  struct Step {
    Result<Generated> answer;
    Gate gate;  // waits for it before it answers; null: does not
  };

  // The next call's; calls without a step answer with one whole image.
  void Next(Step step) {
    std::lock_guard lock(mutex_);
    steps_.push_back(std::move(step));
  }
  void NextFails(Error error, int times = 1) {
    for (int i = 0; i < times; ++i) Next({std::unexpected(error), nullptr});
  }

  Step Take(const GenerateRequest& request);
  std::vector<GenerateRequest> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Step> steps_;
  std::vector<GenerateRequest> calls_;
};

// One picture of 8 x 8.
Generated OneImage();

std::unique_ptr<ImageGenerator> MakeFakeUpstream(std::string name,
                                                 std::shared_ptr<FakeScript> script);

// A request of `tenant` with a minute of time.
GenerateRequest AskFor(std::string model, std::string tenant = "default");

}  // namespace reprise
