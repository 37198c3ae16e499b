// Reading and writing what people say about hits: /v1/feedback. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/trust.h"
#include "http/message.h"

namespace reprise {

// The body {"entry", "prompt", "same", "note", "review"}; the tenant is left empty. A prompt has at
// most `prompt_chars` characters.
Result<Feedback> ReadFeedback(std::string_view body, std::size_t prompt_chars);

http::Response WriteFeedbackResult(const Feedback& feedback, const FeedbackResult& result);

// A page of a list, from the query "limit=50&before=123".
struct FeedbackPage {
  std::size_t limit = 50;    // 1 to 1000
  std::uint64_t before = 0;  // an id; 0: from the newest
};
Result<FeedbackPage> ReadFeedbackPage(std::string_view query);

http::Response WriteFeedbackList(const FeedbackPage& page, const std::vector<Correction>& list,
                                 const std::vector<std::uint64_t>& in_review);

}  // namespace reprise
