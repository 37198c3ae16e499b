// What the tests of single APIs share: answers as the HTTP client gives them. Header-only.
#pragma once

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "upstream/image_api.h"

namespace reprise {

inline http::ClientResponse ApiReply(int status, const std::string& body,
                                     const std::string& type = "application/json") {
  return {.status = status, .headers = {{"content-type", type}}, .body = body};
}

inline Result<http::ClientRequest> ComposeFor(const ImageApi& api, const GenerateRequest& request) {
  return api.Compose(request, std::chrono::seconds(60));
}

// The JSON body of the call that the API makes of `request`.
inline nlohmann::json BodyFor(const ImageApi& api, const GenerateRequest& request) {
  const auto call = ComposeFor(api, request);
  EXPECT_TRUE(call) << (call ? "" : call.error().message);
  return call ? nlohmann::json::parse(call->body) : nlohmann::json();
}

}  // namespace reprise
