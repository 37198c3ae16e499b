// OpenAI's embeddings with the built-in embedder's vectors.
#include <bit>

#include "app/simulator_apis.h"
#include "embed/embedder.h"
#include "prompt/prompt.h"

namespace reprise {
namespace {

using nlohmann::json;

http::Response BadRequest(std::string_view message) {
  return http::Json(400, json{{"error",
                               {{"message", message},
                                {"type", "invalid_request_error"},
                                {"param", nullptr},
                                {"code", "invalid_value"}}}}
                             .dump());
}

json Vector(const Embedding& vector, bool base64) {
  if (!base64) return vector;
  static_assert(std::endian::native == std::endian::little);
  return Base64Encode(
      {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
}

class SimulatedEmbeddings final : public Surface {
 public:
  explicit SimulatedEmbeddings(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    router.Add("POST", "/v1/embeddings", RouteTo(this, &SimulatedEmbeddings::Embeddings));
  }

 private:
  Task<http::Response> Embeddings(http::RequestPtr request) {
    core_.CountEmbeddings();
    const json body = json::parse(request->body, nullptr, false);
    if (!body.is_object() || !body.contains("input")) co_return BadRequest("'input' is required");
    const json inputs = body["input"].is_array() ? body["input"] : json::array({body["input"]});
    const bool base64 = body.value("encoding_format", "float") == "base64";
    json data = json::array();
    std::size_t tokens = 0;
    for (const json& input : inputs) {
      if (!input.is_string()) co_return BadRequest("'input' must be a string or a list of strings");
      const Prompt prompt = Analyze(input.get<std::string>());
      tokens += prompt.tokens.size();
      data.push_back({{"object", "embedding"},
                      {"index", data.size()},
                      {"embedding", Vector(EmbedBuiltIn(prompt), base64)}});
    }
    const json answer = {{"object", "list"},
                         {"data", std::move(data)},
                         {"model", body.value("model", "simulated")},
                         {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
    co_return http::Json(200, answer.dump());
  }

  SimulatorCore& core_;
};

}  // namespace

std::unique_ptr<Surface> SimulateEmbeddings(SimulatorCore& core) {
  return std::make_unique<SimulatedEmbeddings>(core);
}

}  // namespace reprise
