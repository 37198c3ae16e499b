#include "embed/embedding_api.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/bytes.h"
#include "base/json.h"
#include "embed/embedded_text.h"
#include "http/retry.h"
#include "http/url.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxComplaint = 300;  // bytes of a server's message that are shown

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(Code::kBadUpstream, "the embedding API's answer is unusable: " + std::string(what));
}

const json* Member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

Result<Embedding> ReadNumbers(const json& list) {
  Embedding vector;
  vector.reserve(list.size());
  for (const json& number : list) {
    // NaN has no form in JSON; servers write null for it.
    if (!number.is_number()) return Bad("an element of an embedding is " + number.dump());
    vector.push_back(number.get<float>());
  }
  return vector;
}

// Little-endian binary32, as OpenAI defines it; so are the machines this runs on.
Result<Embedding> ReadBase64(const std::string& text) {
  const auto bytes = Base64Decode(text);
  if (!bytes) return Bad(bytes.error().message);
  if (bytes->size() % sizeof(float) != 0) return Bad("base64 that is no list of 32-bit floats");
  Embedding vector(bytes->size() / sizeof(float));
  std::memcpy(vector.data(), bytes->data(), bytes->size());
  return vector;
}

Result<Embedding> ReadVector(const json* value) {
  Result<Embedding> vector = Bad("an embedding is neither a list of numbers nor base64");
  if (value && value->is_array()) vector = ReadNumbers(*value);
  if (value && value->is_string()) vector = ReadBase64(value->get_ref<const std::string&>());
  if (!vector) return vector;
  auto unit = UnitLength(std::move(*vector));
  if (!unit) return Bad(unit.error().message);
  return unit;
}

Result<std::vector<Embedding>> CheckSizes(std::vector<Embedding> vectors, std::size_t asked) {
  for (const Embedding& vector : vectors) {
    const std::size_t size = vector.size();
    if (asked != 0 && size != asked) {
      return Bad("it has " + std::to_string(size) + " dimensions where " + std::to_string(asked) +
                 " were asked for; set embedder.dimensions to 0 or to what the model gives");
    }
    if (size != vectors.front().size()) return Bad("its embeddings have different sizes");
  }
  return vectors;
}

std::unexpected<Error> WrongCount(std::size_t found, std::size_t wanted) {
  return Bad(std::to_string(found) + " embeddings for " + std::to_string(wanted) + " texts");
}

Code CodeOf(int status) {
  if (status == 429) return Code::kRateLimited;
  if (status == 413) return Code::kTooLarge;
  if (status == 400 || status == 422) return Code::kInvalidArgument;
  if (status == 401 || status == 403) return Code::kUnauthorized;
  return http::IsTransient(status) ? Code::kUnavailable : Code::kBadUpstream;
}

void ReplaceAll(std::string& text, const std::string& from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Servers repeat what they were sent, keys too.
Error Complain(int status, std::string said, const std::string& api_key) {
  if (!api_key.empty()) ReplaceAll(said, api_key, "***");
  if (said.size() > kMaxComplaint) said = said.substr(0, kMaxComplaint) + "...";
  std::string message = "the embedding API answered HTTP " + std::to_string(status);
  if (!said.empty()) message += ": " + said;
  if (status == 401 || status == 403) message += " (setting embedder.api_key)";
  return {.code = CodeOf(status), .message = std::move(message), .upstream_status = status};
}

Result<void> CheckOptions(const std::string& url, const std::string& api_key,
                          const std::string& model) {
  const auto parsed = http::ParseUrl(url);
  if (!parsed || url.find_first_of("?#") != std::string::npos) {
    return Fail(Code::kInvalidArgument,
                "embedder.url must look like https://host/v1, without a query", "embedder.url");
  }
  if (api_key.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return Fail(Code::kInvalidArgument, "embedder.api_key contains a line break",
                "embedder.api_key");
  }
  if (model.empty()) {
    return Fail(Code::kInvalidArgument,
                "embedder.model is empty; name the model as its API knows it, e.g. "
                "text-embedding-3-small",
                "embedder.model");
  }
  return {};
}

http::ClientRequest PostJson(std::string url, const std::string& api_key, const json& body) {
  http::ClientRequest request{.method = "POST", .url = std::move(url)};
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}};
  if (!api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + api_key);
  request.body = DumpJson(body);
  return request;
}

class OpenAiEmbeddingApi final : public EmbeddingApi {
 public:
  explicit OpenAiEmbeddingApi(OpenAiEmbeddingOptions options)
      : options_(std::move(options)), identity_("openai/" + options_.model) {
    if (options_.dimensions != 0) identity_ += "/" + std::to_string(options_.dimensions);
  }

  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override { return options_.dimensions; }

  http::ClientRequest Request(std::span<const std::string> texts) const override {
    json body = {{"model", options_.model}, {"input", texts}};
    if (options_.dimensions != 0) body["dimensions"] = options_.dimensions;
    if (options_.base64) body["encoding_format"] = "base64";
    return PostJson(options_.url + "/embeddings", options_.api_key, body);
  }

  Result<std::vector<Embedding>> Read(std::string_view body, std::size_t count) const override {
    const json answer = ParseJson(body);
    const json* data = Member(answer, "data");
    if (!data || !data->is_array()) return Bad("no list 'data' in it");
    if (data->size() != count) return WrongCount(data->size(), count);
    std::vector<Embedding> vectors(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto index = IndexOf((*data)[i], i);
      if (!index || *index >= count) return Bad("an 'index' is no number below the count");
      if (!vectors[*index].empty()) return Bad("index " + std::to_string(*index) + " comes twice");
      auto vector = ReadVector(Member((*data)[i], "embedding"));
      if (!vector) return std::unexpected(vector.error());
      vectors[*index] = std::move(*vector);
    }
    return CheckSizes(std::move(vectors), options_.dimensions);
  }

  // {"error": {"message": ...}}, {"error": "..."}, {"message": ...} or {"detail": ...}.
  Error Explain(const http::ClientResponse& response) const override {
    const json answer = ParseJson(response.body);
    const json* said = Member(answer, "error");
    if (said && said->is_object()) said = Member(*said, "message");
    if (!said) said = Member(answer, "message");
    if (!said) said = Member(answer, "detail");
    const bool text = said && said->is_string();
    return Complain(response.status, text ? said->get<std::string>() : "", options_.api_key);
  }

 private:
  // Some servers leave it out; then the order is that of the texts.
  static std::optional<std::size_t> IndexOf(const json& entry, std::size_t position) {
    const json* index = Member(entry, "index");
    if (!index) return position;
    if (!index->is_number_unsigned()) return std::nullopt;
    return index->get<std::size_t>();
  }

  const OpenAiEmbeddingOptions options_;
  std::string identity_;
};

class CloudflareEmbeddingApi final : public EmbeddingApi {
 public:
  explicit CloudflareEmbeddingApi(CloudflareEmbeddingOptions options)
      : options_(std::move(options)),
        identity_("cloudflare/" + options_.model + "/" + options_.pooling) {}

  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override { return 0; }

  http::ClientRequest Request(std::span<const std::string> texts) const override {
    return PostJson(options_.url + "/accounts/" + options_.account + "/ai/run/" + options_.model,
                    options_.api_key, {{"text", texts}, {"pooling", options_.pooling}});
  }

  Result<std::vector<Embedding>> Read(std::string_view body, std::size_t count) const override {
    const json answer = ParseJson(body);
    const json* success = Member(answer, "success");
    if (success && *success == false) return Bad(Errors(answer));
    const json* result = Member(answer, "result");
    const json* data = result ? Member(*result, "data") : nullptr;
    if (!data || !data->is_array()) return Bad("no list 'result.data' in it");
    if (data->size() != count) return WrongCount(data->size(), count);
    // It says which pooling it did; a model that knows no other would be a different embedder.
    const json* pooling = Member(*result, "pooling");
    if (pooling && pooling->is_string() && *pooling != options_.pooling) {
      return Bad("it was pooled by '" + pooling->get<std::string>() + "', not by '" +
                 options_.pooling + "'; set embedder.pooling to what the model does");
    }
    std::vector<Embedding> vectors;
    for (const json& entry : *data) {
      auto vector = ReadVector(&entry);
      if (!vector) return std::unexpected(vector.error());
      vectors.push_back(std::move(*vector));
    }
    return CheckSizes(std::move(vectors), 0);
  }

  Error Explain(const http::ClientResponse& response) const override {
    return Complain(response.status, Errors(ParseJson(response.body)), options_.api_key);
  }

 private:
  // "5006: required properties at '/' are 'text'; ..."
  static std::string Errors(const json& answer) {
    std::string all;
    const json* errors = Member(answer, "errors");
    if (!errors || !errors->is_array()) return all;
    for (const json& error : *errors) {
      const json* code = Member(error, "code");
      const json* message = Member(error, "message");
      if (!message || !message->is_string()) continue;
      if (!all.empty()) all += "; ";
      if (code && code->is_number_integer()) all += code->dump() + ": ";
      all += message->get_ref<const std::string&>();
    }
    return all;
  }

  const CloudflareEmbeddingOptions options_;
  const std::string identity_;
};

// What stands in a path as it is: letters, digits and the marks of model names.
bool IsPathSafe(std::string_view text) {
  const auto safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("@/._-").find(c) != std::string_view::npos;
  };
  return std::all_of(text.begin(), text.end(), safe) && text.find("..") == text.npos;
}

}  // namespace

Result<std::unique_ptr<EmbeddingApi>> MakeOpenAiEmbeddingApi(OpenAiEmbeddingOptions options) {
  if (auto checked = CheckOptions(options.url, options.api_key, options.model); !checked) {
    return std::unexpected(checked.error());
  }
  while (options.url.ends_with('/')) options.url.pop_back();
  return std::make_unique<OpenAiEmbeddingApi>(std::move(options));
}

Result<std::unique_ptr<EmbeddingApi>> MakeCloudflareEmbeddingApi(
    CloudflareEmbeddingOptions options) {
  if (auto checked = CheckOptions(options.url, options.api_key, options.model); !checked) {
    return std::unexpected(checked.error());
  }
  if (options.account.empty() || !IsPathSafe(options.account + options.model)) {
    return Fail(Code::kInvalidArgument,
                "embedder.account is '" + options.account + "' and embedder.model '" +
                    options.model +
                    "'; set the account's id from Cloudflare's dashboard and a model such as "
                    "@cf/baai/bge-base-en-v1.5",
                "embedder.account");
  }
  while (options.url.ends_with('/')) options.url.pop_back();
  return std::make_unique<CloudflareEmbeddingApi>(std::move(options));
}

}  // namespace reprise
