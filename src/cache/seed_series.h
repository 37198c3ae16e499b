// A request with a seed for several images. Each of its images is a request of its own with the
// seed that follows: so the second image of seed 7 and the first of seed 8 are one entry, which is
// made once, and whose one image is never taken for that of another seed.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cache/image_cache.h"

namespace reprise {

inline bool IsSeedSeries(const ImageRequest& request) {
  return request.seed.has_value() && request.count > 1;
}

using ImageRequestPtr = std::shared_ptr<const ImageRequest>;

// Has `answer_one` answer the requests for its images, all at the same time, and joins what comes.
// Every one of them keeps a deadline.
Task<Answer> AnswerSeries(ImageRequestPtr request,
                          std::function<Task<Answer>(ImageRequestPtr)> answer_one);

// The requests for its images, in order. Pure.
std::vector<ImageRequestPtr> SplitSeries(const ImageRequest& request);

// What the answers of all of them are together: the images in order, or the first error. Where
// nothing is reused anyway (no-cache, no-store), the images before the first error are better than
// none. The decision is that of the image which was hardest to have: generated before semantic
// before in flight before exact. Pure.
Answer JoinSeries(const ImageRequest& request, std::vector<Answer> answers);

}  // namespace reprise
