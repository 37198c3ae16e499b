// What remote embedding APIs are sent, and what their answers mean. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embed/embedder.h"
#include "http/client.h"

namespace reprise {

class EmbeddingApi {
 public:
  virtual ~EmbeddingApi() = default;

  // Of the vectors: the kind of API, the model and what is asked of it, but not the host: the same
  // model elsewhere gives the same vectors.
  virtual std::string_view identity() const = 0;

  // What the model was asked for; 0: whatever it gives.
  virtual std::size_t dimensions() const = 0;

  virtual http::ClientRequest Request(std::span<const std::string> texts) const = 0;

  // One vector of unit length for each of `count` texts, in their order. kBadUpstream for a wrong
  // count, vectors of different sizes or another size than asked for, and what is not a finite
  // number.
  virtual Result<std::vector<Embedding>> Read(std::string_view body, std::size_t count) const = 0;

  // What a failing answer says. kInvalidArgument and kTooLarge: it is about the texts, and other
  // texts may do; kRateLimited and kUnavailable: it may pass; kUnauthorized and kBadUpstream: it
  // will not.
  virtual Error Explain(const http::ClientResponse& response) const = 0;
};

// `POST URL/embeddings` as OpenAI defines it; spoken by LiteLLM, Ollama, vLLM, TEI, Cloudflare and
// others.
struct OpenAiEmbeddingOptions {
  std::string url;      // base, with its version: "https://api.openai.com/v1"
  std::string api_key;  // empty: no Authorization header; never logged, never in an Error
  std::string model;
  std::size_t dimensions = 0;  // 0: not sent
  bool base64 = false;         // ask for base64, a third of the size; both forms are read
};
// kInvalidArgument names the setting at fault.
Result<std::unique_ptr<EmbeddingApi>> MakeOpenAiEmbeddingApi(OpenAiEmbeddingOptions options);

// Cloudflare Workers AI's own route, `POST URL/accounts/ACCOUNT/ai/run/MODEL`.
struct CloudflareEmbeddingOptions {
  std::string url = "https://api.cloudflare.com/client/v4";
  std::string api_key;
  std::string account;
  std::string model = "@cf/baai/bge-base-en-v1.5";
  std::string pooling = "cls";  // or "mean"; their vectors are not comparable
};
Result<std::unique_ptr<EmbeddingApi>> MakeCloudflareEmbeddingApi(
    CloudflareEmbeddingOptions options);

}  // namespace reprise
