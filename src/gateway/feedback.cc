#include "gateway/feedback.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "gateway/json_input.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNote = 2000;  // characters
constexpr std::size_t kMaxFeedbackPage = 1000;
constexpr std::size_t kMaxReviews = 1000;  // in one answer
constexpr std::string_view kFeedbackMembers = "entry, prompt, same, note, review";

Result<void> ReadText(std::string_view name, simdjson::dom::element value, std::size_t limit,
                      std::string& text) {
  auto read = ReadString(name, value);
  if (!read) return std::unexpected(read.error());
  if (const std::size_t length = CodePoints(*read); length > limit) {
    return Invalid(name, "'" + std::string(name) + "' has " + std::to_string(length) +
                             " characters; at most " + std::to_string(limit) + " are accepted");
  }
  text = std::move(*read);
  return {};
}

Result<void> ReadFlag(std::string_view name, simdjson::dom::element value,
                      std::optional<bool>& flag) {
  auto read = ReadBool(name, value);
  if (!read) return std::unexpected(read.error());
  flag = *read;
  return {};
}

Result<void> ReadMember(std::string_view key, simdjson::dom::element value,
                        std::size_t prompt_chars, Feedback& feedback) {
  if (value.is_null()) return {};  // as good as left out
  if (key == "entry") {
    auto entry = ReadEntryId("entry", value);
    if (!entry) return std::unexpected(entry.error());
    feedback.entry = *entry;
    return {};
  }
  if (key == "prompt") return ReadText(key, value, prompt_chars, feedback.prompt);
  if (key == "note") return ReadText(key, value, kMaxNote, feedback.note);
  if (key == "same") return ReadFlag(key, value, feedback.same);
  if (key == "review") return ReadFlag(key, value, feedback.review);
  return Invalid(Excerpt(key), "unknown member '" + Excerpt(key) + "'; there are " +
                                   std::string(kFeedbackMembers));
}

Result<void> Check(const Feedback& feedback) {
  if (feedback.entry == 0) {
    return Invalid("entry",
                   "'entry' is required: the number in the reply's header X-Reprise-Entry");
  }
  if (!feedback.same && !feedback.review) {
    return Invalid("same",
                   "say whether the pictures are the 'same' (true or false, with 'prompt'), or "
                   "whether the entry goes into 'review'");
  }
  if (feedback.same && IsBlank(feedback.prompt)) {
    return Invalid("prompt", "'prompt' is required with 'same': the text that was asked for");
  }
  if (!feedback.same && !IsBlank(feedback.prompt)) {
    return Invalid("same", "'same' is required with 'prompt': true or false");
  }
  return {};
}

json CorrectionJson(const Correction& correction) {
  return {{"id", correction.id},
          {"entry", correction.entry},
          {"entry_prompt", correction.entry_prompt},
          {"prompt", correction.prompt},
          {"same", correction.same},
          {"note", correction.note},
          {"created", correction.created_ms / 1000}};
}

}  // namespace

Result<Feedback> ReadFeedback(std::string_view body, std::size_t prompt_chars) {
  Feedback feedback;
  auto read = ForEachField(body, [&](std::string_view key, simdjson::dom::element value) {
    return ReadMember(key, value, prompt_chars, feedback);
  });
  if (read) read = Check(feedback);
  if (!read) return std::unexpected(read.error());
  return feedback;
}

http::Response WriteFeedbackResult(const Feedback& feedback, const FeedbackResult& result) {
  json body = {{"entry", feedback.entry}, {"in_review", result.in_review}};
  if (feedback.same) {
    body["id"] = result.id;
    body["prompt"] = feedback.prompt;
    body["same"] = *feedback.same;
  }
  return http::Json(200, DumpJson(body));
}

Result<FeedbackPage> ReadFeedbackPage(std::string_view query) {
  FeedbackPage page;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (name.empty() && value.empty()) continue;
    if (name != "limit" && name != "before") {
      return Invalid(Excerpt(name),
                     "unknown parameter '" + Excerpt(name) + "'; there are limit and before");
    }
    const auto number = ReadId(name, value);
    if (!number) return std::unexpected(number.error());
    if (name == "before") page.before = *number;
    if (name == "limit")
      page.limit = static_cast<std::size_t>(std::min<std::uint64_t>(*number, kMaxFeedbackPage));
  }
  return page;
}

http::Response WriteFeedbackList(const FeedbackPage& page, const std::vector<Correction>& list,
                                 const std::vector<std::uint64_t>& in_review) {
  json data = json::array();
  for (const Correction& correction : list) data.push_back(CorrectionJson(correction));
  json body = {{"data", std::move(data)}, {"next", nullptr}};
  if (list.size() == page.limit) body["next"] = list.back().id;
  body["in_review"] = std::vector(
      in_review.begin(),
      in_review.begin() + static_cast<std::ptrdiff_t>(std::min(in_review.size(), kMaxReviews)));
  return http::Json(200, DumpJson(body));
}

}  // namespace reprise
