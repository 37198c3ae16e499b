// What image APIs answer, as text: images in the forms they send them, and errors in the shapes
// they use. Pure, so that every odd answer can be tested without a socket.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/client.h"

namespace reprise {

// One image of an answer: its bytes, or where they are.
struct ApiImage {
  std::string bytes;
  std::string link;  // http or https; empty when there are bytes
  std::string revised_prompt;
};

struct ApiAnswer {
  std::vector<ApiImage> images;         // at least one
  std::string usage;                    // JSON, or empty
  std::string text;                     // what the model said beside them, or empty
  std::optional<double> cost_usd = {};  // of the call, where the API bills it in its answer
};

// Why an answer is none.
struct ApiFault {
  Error error;
  bool lasting = false;  // no retry can help, whatever the status says
};

// A member, or null where there is none: nothing is copied, as images are megabytes of text.
const nlohmann::json& Member(const nlohmann::json& value, const char* key);

// A string member, or nothing: APIs also put null and numbers where strings belong. The view lives
// as long as the object.
std::string_view TextAt(const nlohmann::json& object, const char* key);
std::string TextOf(const nlohmann::json& object, const char* key);

// `text` as APIs write images: base64, a data: URL or a link. kBadUpstream when it is none of them,
// kTooLarge when there are more than `max_bytes`.
Result<ApiImage> ReadImageText(std::string_view text, std::size_t max_bytes);

// The code that callers know refusals by, for APIs that have none of their own.
inline constexpr std::string_view kRefusalCode = "content_policy_violation";

// Whether an answer's words say that the content is refused: the error codes and phrases of
// content filters.
bool SoundsLikeRefusal(std::string_view text);

// What a failing answer of the upstream called `name` means for the caller; understands the shapes
// of OpenAI, OpenRouter, RunPod, Pollinations and FastAPI. A refused key is the gateway's own
// trouble and becomes kBadUpstream, never the caller's kUnauthorized.
ApiFault ReadApiFault(std::string_view name, const http::ClientResponse& response);

// At most `limit` bytes, cut between UTF-8 characters: an error travels into logs and replies.
std::string Shorten(std::string text, std::size_t limit);

// "text/html, 1234 bytes: <!DOCTYPE html>...": the first 80 printable characters.
std::string DescribeAnswer(const http::ClientResponse& response);

}  // namespace reprise
