// The OpenAI Images API as text: request bodies, answers and errors. Pure, so that every odd answer
// can be tested without a socket.
// https://platform.openai.com/docs/api-reference/images
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "upstream/image_generator.h"

namespace reprise {

// How many images of `model` one call may ask for: dall-e-3 knows n = 1 only.
int ImagesPerCall(std::string_view model);

// The JSON body of POST /images/generations for `count` images. kInvalidArgument when params is not
// a JSON object.
Result<std::string> OpenAiBody(const GenerateRequest& request, int count);

// One entry of an answer's `data`: bytes, or where they are.
struct OpenAiImage {
  std::string bytes;
  std::string link;  // http or https; empty when there are bytes
  std::string revised_prompt;
};

struct OpenAiAnswer {
  std::vector<OpenAiImage> images;  // at least one
  std::string usage;                // JSON, or empty
};

// Reads a 2xx answer. kBadUpstream, showing what came instead, when it holds no image;
// kTooLarge when one has more than `max_image_bytes`.
Result<OpenAiAnswer> ParseOpenAiAnswer(const http::ClientResponse& response,
                                       std::size_t max_image_bytes);

// How to fetch an image that an answer of the API on `api_host` links to: from that host itself,
// else by https and from public addresses only. An API on this machine or a private network may
// link anywhere. kBadUpstream for any other link.
Result<http::ClientRequest> OpenAiLinkRequest(const std::string& link, const std::string& api_host);

struct OpenAiFault {
  Error error;
  bool lasting = false;  // no retry can help, whatever the status says
};

// What a non-2xx answer of the upstream called `name` means for the caller. A refused key is the
// gateway's own trouble and becomes kBadUpstream, never the caller's kUnauthorized.
OpenAiFault ReadOpenAiFault(std::string_view name, const http::ClientResponse& response);

// "text/html, 1234 bytes: <!DOCTYPE html>...": the first 80 printable characters.
std::string DescribeAnswer(const http::ClientResponse& response);

}  // namespace reprise
