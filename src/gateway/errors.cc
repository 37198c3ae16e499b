#include "gateway/errors.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace reprise {
namespace {

bool IsAboutAccess(const Error& error) {
  return error.upstream == kMissingScope || error.upstream == kLinkNotValid ||
         error.upstream == kLinkExpired;
}

std::string_view TypeOf(const Error& error, int status) {
  if (IsAboutAccess(error)) return "permission_error";
  if (error.code == Code::kForbidden) return "image_generation_user_error";
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

nlohmann::json OrNull(std::string_view text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

}  // namespace

http::Response ErrorResponse(const Error& error) {
  const int status = HttpStatus(error);
  const std::string_view code = error.upstream.empty() ? CodeName(error.code) : error.upstream;
  const nlohmann::json body = {{"error",
                                {{"message", error.message},
                                 {"type", TypeOf(error, status)},
                                 {"param", OrNull(error.param)},
                                 {"code", code}}}};
  // Bytes that are not UTF-8 can come with a path or an upstream's words.
  auto response = http::Json(status, DumpJson(body));
  if (error.retry_after_ms > 0) {
    response.Set("Retry-After", std::to_string((error.retry_after_ms + 999) / 1000));
  }
  return response;
}

}  // namespace reprise
