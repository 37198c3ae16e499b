// Work on many pieces by several threads, for start-up and tools, which have the processors to
// themselves; while requests are served, WorkerPool is the place.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"

namespace reprise {

// Calls work(i) once for every i below `count`, on as many threads as there are processors, the
// caller's among them. After an error no new piece is begun; gives the first one.
Result<void> ParallelFor(std::size_t count, const std::function<Result<void>(std::size_t)>& work);

}  // namespace reprise
