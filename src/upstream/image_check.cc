#include "upstream/image_check.h"

namespace reprise {

namespace {

Result<ImageInfo> OfUpstream(Result<ImageInfo> checked) {
  if (checked) return checked;
  Error& fault = checked.error();
  fault.message = "the upstream's image cannot be used: " + fault.message;
  if (fault.code != Code::kOverloaded) fault.code = Code::kBadUpstream;
  return checked;
}

}  // namespace

Task<Result<ImageInfo>> CheckPaidImage(WorkerPool& workers, SharedBytes bytes, ImageLimits limits,
                                       Deadline deadline) {
  if (auto checked = CheckWithoutDecoding(*bytes, limits)) co_return OfUpstream(*checked);
  while (true) {
    auto work = [bytes, limits] { return CheckImage(*bytes, limits); };
    auto checked = co_await workers.Run(std::move(work));
    const bool busy = !checked && checked.error().code == Code::kOverloaded;
    if (!busy || std::chrono::steady_clock::now() >= deadline) {
      co_return OfUpstream(std::move(checked));
    }
    co_await Sleep(std::chrono::milliseconds(20));
  }
}

}  // namespace reprise
