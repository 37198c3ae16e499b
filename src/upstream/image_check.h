// What an upstream gave, checked before anybody relies on it.
#pragma once

#include "base/task.h"
#include "base/worker_pool.h"
#include "image/image.h"
#include "upstream/image_generator.h"

namespace reprise {

// CheckImage, on the workers where it decodes. What was paid for is not lost because they are busy:
// it waits for them until `deadline`. kBadUpstream for what is no whole image, kOverloaded when no
// worker came free.
Task<Result<ImageInfo>> CheckPaidImage(WorkerPool& workers, SharedBytes bytes, ImageLimits limits,
                                       Deadline deadline);

}  // namespace reprise
