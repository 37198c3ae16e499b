#include "gateway/models.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gateway/errors.h"

namespace reprise {
namespace {

using nlohmann::json;

// The API wants to know when a model came to be and whose it is, which the gateway does not know.
json Describe(std::string_view model) {
  return {{"id", model}, {"object", "model"}, {"created", 0}, {"owned_by", "reprise"}};
}

http::Response UnknownModel(const std::string& model) {
  return ErrorResponse({.code = Code::kNotFound,
                        .message = "no model '" + model.substr(0, 100) +
                                   "' is configured; GET /v1/models lists those there are",
                        .param = "model",
                        .upstream = "model_not_found"});
}

class ModelsSurface final : public Surface {
 public:
  explicit ModelsSurface(SurfaceParts parts) : settings_(parts.settings) {}

  void AddRoutes(http::Router& router) override {
    router.Add("GET", "/v1/models", RouteTo(this, &ModelsSurface::List));
    router.Add("GET", "/v1/models/{id}", RouteTo(this, &ModelsSurface::Find));
    // "google/gemini-2.5-flash-image", which some clients do not escape.
    router.Add("GET", "/v1/models/{maker}/{id}", RouteTo(this, &ModelsSurface::Find));
  }

 private:
  Task<http::Response> List(http::RequestPtr) {
    json data = json::array();
    for (const std::string& model : ImageModels(settings_)) data.push_back(Describe(model));
    co_return http::Json(200, json{{"object", "list"}, {"data", std::move(data)}}.dump());
  }

  Task<http::Response> Find(http::RequestPtr request) {
    std::string model = request->params.front();
    if (request->params.size() > 1) model += "/" + request->params[1];
    if (!IsImageModel(settings_, model)) co_return UnknownModel(model);
    co_return http::Json(200, Describe(model).dump());
  }

  const GatewaySettings& settings_;
};

}  // namespace

std::vector<std::string> ImageModels(const GatewaySettings& settings) {
  std::vector<std::string> models = {settings.openai.default_model};
  for (const std::string& model : settings.models) {
    if (std::ranges::find(models, model) == models.end()) models.push_back(model);
  }
  return models;
}

bool IsImageModel(const GatewaySettings& settings, std::string_view model) {
  return model == settings.openai.default_model ||
         std::ranges::find(settings.models, model) != settings.models.end();
}

std::unique_ptr<Surface> MakeModelsSurface(SurfaceParts parts) {
  return std::make_unique<ModelsSurface>(parts);
}

}  // namespace reprise
