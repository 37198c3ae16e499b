// Image APIs by kind: how each is described, and the generator that speaks it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "http/client.h"
#include "http/retry.h"
#include "upstream/image_generator.h"

namespace reprise {

enum class UpstreamKind {
  kOpenAi,         // OpenAI Images, or what speaks it
  kChat,           // chat completions with image output: OpenRouter, Gemini
  kRunPod,         // a RunPod serverless endpoint
  kPollinations,   // GET /prompt/{prompt}
  kAutomatic1111,  // POST /sdapi/v1/txt2img
};

struct UpstreamOptions {
  UpstreamKind kind = UpstreamKind::kOpenAi;
  std::string name = "openai";  // for logs, statistics and routes
  std::string base_url;         // without a slash at its end; empty: the service's own
  std::string api_key;          // empty: none is sent; never logged, never in an Error
  std::chrono::milliseconds request_timeout{120'000};  // of one attempt
  std::chrono::milliseconds probe_timeout{5'000};
  std::chrono::milliseconds poll_interval{500};  // of jobs that are asked after (RunPod)
  http::RetryPolicy retry;
  std::size_t max_image_bytes = 64u << 20;
  bool private_links = false;  // whether its answers may link to addresses that are not public
};

// What a generator uses; all of it outlives the generator.
struct UpstreamParts {
  http::Client& client;
  WorkerPool& workers;  // reads answers, which are megabytes of base64
  const Clock& clock;   // compares Retry-After dates
};

// "openai", "chat", "runpod", "pollinations", "automatic1111".
std::string_view ToString(UpstreamKind kind);

// kInvalidArgument when the URL or the key cannot be used. The generator outlives its calls.
Result<std::unique_ptr<ImageGenerator>> MakeUpstream(UpstreamOptions options, UpstreamParts parts);

}  // namespace reprise
