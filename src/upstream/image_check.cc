#include "upstream/image_check.h"

namespace reprise {

Task<Result<ImageInfo>> CheckPaidImage(WorkerPool& workers, SharedBytes bytes, ImageLimits limits,
                                       Deadline deadline) {
  while (true) {
    auto work = [bytes, limits] { return CheckImage(*bytes, limits); };
    auto info = co_await workers.Run(std::move(work));
    const bool busy = !info && info.error().code == Code::kOverloaded;
    if (busy && std::chrono::steady_clock::now() < deadline) {
      co_await Sleep(std::chrono::milliseconds(20));
      continue;
    }
    if (!info) {
      Error fault = std::move(info.error());
      fault.message = "the upstream's image cannot be used: " + fault.message;
      if (!busy) fault.code = Code::kBadUpstream;
      co_return std::unexpected(std::move(fault));
    }
    co_return info;
  }
}

}  // namespace reprise
