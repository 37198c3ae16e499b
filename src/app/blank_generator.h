// An upstream that costs nothing: every image is blank. For replays, where only the decisions
// count.
#pragma once

#include <memory>

#include "base/worker_pool.h"
#include "upstream/image_generator.h"

namespace reprise {

// A PNG of the size asked for (1024x1024 for "auto"), drawn once per size on `workers`, which
// outlives it. Several images of one call are the same one. Safe for any thread.
std::unique_ptr<ImageGenerator> MakeBlankGenerator(WorkerPool& workers);

}  // namespace reprise
