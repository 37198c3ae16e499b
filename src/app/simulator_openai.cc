// OpenAI's Images API, simulated: generations, edits, variations, models.
#include <algorithm>
#include <charconv>

#include "app/simulator_apis.h"
#include "base/digest.h"
#include "gateway/errors.h"
#include "gateway/generation_reader.h"
#include "http/multipart.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kModels = {"gpt-image-1", "gpt-image-1-mini", "dall-e-2",
                                                     "dall-e-3", "simulated"};

http::Response ApiError(int status, std::string_view message, std::string_view type,
                        std::string_view code) {
  const json body = {
      {"error", {{"message", message}, {"type", type}, {"param", nullptr}, {"code", code}}}};
  return http::Json(status, body.dump());
}

http::Response FaultResponse(const SimulatedOutcome& outcome) {
  if (outcome.kind == SimulatedOutcome::Kind::kRefused) {
    return ApiError(400, outcome.Message(), "image_generation_user_error",
                    "content_policy_violation");
  }
  const bool limited = outcome.status == 429;
  return ApiError(outcome.status, outcome.Message(), limited ? "rate_limit_error" : "server_error",
                  limited ? "rate_limit_exceeded" : "internal_error");
}

struct ImageJob {
  SimulatedCall call;
  bool as_url = false;
  std::string model;
};

Result<ImageJob> ReadImageJob(const json& body) {
  ImageJob job;
  Picture& picture = job.call.picture;
  job.model = Get<std::string>(body, "model", "dall-e-2");
  if (std::find(kModels.begin(), kModels.end(), job.model) == kModels.end()) {
    return Fail(Code::kNotFound, "The model '" + job.model + "' does not exist");
  }
  picture.text = Get<std::string>(body, "prompt", "");
  if (picture.text.empty()) return Fail(Code::kInvalidArgument, "'prompt' is required");
  picture.theme = ThemeOf(picture.text);
  job.call.count = Get<int>(body, "n", 1);
  if (job.call.count < 1 || job.call.count > 10) {
    return Fail(Code::kInvalidArgument, "'n' must be from 1 to 10");
  }
  const auto size = ParseSize(Get<std::string>(body, "size", "auto"), 4096);
  if (!size) return std::unexpected(size.error());
  if (!size->automatic()) {
    picture.width = size->width;
    picture.height = size->height;
  }
  const auto format = FormatFromName(Get<std::string>(body, "output_format", "png"));
  if (!format) return Fail(Code::kInvalidArgument, "'output_format' must be png, jpeg or webp");
  picture.format = *format;
  picture.quality = Get<int>(body, "output_compression", 0);
  const bool dall_e = job.model.starts_with("dall-e");
  job.as_url = Get<std::string>(body, "response_format", dall_e ? "url" : "b64_json") == "url";
  picture.seed = SeedOr(Get<std::int64_t>(body, "seed", -1));
  return job;
}

// A form's fields as a JSON body would have them, its images as one digest in `images`.
Result<json> ReadFields(const http::Request& request) {
  const auto boundary = http::FormBoundary(request.Header("Content-Type"));
  if (!boundary) return std::unexpected(boundary.error());
  const auto form = http::ParseForm(request.body, *boundary);
  if (!form) return std::unexpected(form.error());
  json body = json::object();
  std::string images;
  for (const http::FormPart& part : *form) {
    const std::string& name = part.name;
    if (part.filename) {
      if (name != "image" && name != "image[]" && name != "mask") {
        return Fail(Code::kInvalidArgument, "unknown file '" + name + "'");
      }
      if (const auto info = CheckImage(part.body); !info) return std::unexpected(info.error());
      images += name + Sha256(part.body).Hex();
      continue;
    }
    int number = 0;
    const auto end = part.body.data() + part.body.size();
    const bool is_number = std::from_chars(part.body.data(), end, number).ptr == end;
    body[name] = is_number && name != "prompt" ? json(number) : json(part.body);
  }
  if (images.empty()) return Fail(Code::kInvalidArgument, "'image' is required");
  body["images"] = images;
  return body;
}

class SimulatedOpenAi final : public Surface {
 public:
  explicit SimulatedOpenAi(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    router.Add("POST", "/v1/images/generations", RouteTo(this, &SimulatedOpenAi::Generations));
    router.Add("POST", "/v1/images/edits", RouteTo(this, &SimulatedOpenAi::Edits));
    router.Add("POST", "/v1/images/variations", RouteTo(this, &SimulatedOpenAi::Variations));
    router.Add("GET", "/v1/models", RouteTo(this, &SimulatedOpenAi::Models));
  }

 private:
  Task<http::Response> Generations(http::RequestPtr request) {
    const SimulatorCore::Running running(core_, SimulatedKind::kOpenAi);
    co_return co_await Images(ReadSimulated(request->body, ReadImageJob), HostOf(*request));
  }

  Task<http::Response> Edits(http::RequestPtr request) {
    const SimulatorCore::Running running(core_, SimulatedKind::kOpenAi);
    co_return co_await Images(ReadChange(*request, false), HostOf(*request));
  }

  Task<http::Response> Variations(http::RequestPtr request) {
    const SimulatorCore::Running running(core_, SimulatedKind::kOpenAi);
    co_return co_await Images(ReadChange(*request, true), HostOf(*request));
  }

  static std::string HostOf(const http::Request& request) {
    return std::string(request.Header("Host"));
  }

  // The picture follows the input images, too.
  static Result<ImageJob> ReadChange(const http::Request& request, bool variation) {
    auto fields = ReadFields(request);
    if (!fields) return std::unexpected(fields.error());
    if (variation) (*fields)["prompt"] = "variation";
    auto job = ReadSimulated(fields->dump(), ReadImageJob);
    if (job) {
      Picture& picture = job->call.picture;
      picture.theme = ThemeOf(picture.text + " " + (*fields)["images"].get<std::string>());
    }
    return job;
  }

  Task<http::Response> Images(Result<ImageJob> job, std::string host) {
    if (!job && job.error().code == Code::kNotFound) {
      co_return ApiError(404, job.error().message, "invalid_request_error", "model_not_found");
    }
    if (!job) {
      co_return ApiError(400, job.error().message, "invalid_request_error", "invalid_value");
    }
    auto outcome = co_await core_.Perform(SimulatedKind::kOpenAi, job->call);
    if (!outcome) co_return ErrorResponse(outcome.error());
    if (outcome->kind != SimulatedOutcome::Kind::kImages) {
      co_return SimulatorCore::Send(*outcome, FaultResponse(*outcome));
    }
    co_return SimulatorCore::Send(*outcome, Write(*job, *outcome, host));
  }

  http::Response Write(const ImageJob& job, const SimulatedOutcome& outcome,
                       const std::string& host) {
    json data = json::array();
    for (const SharedBytes& bytes : outcome.images) {
      json item;
      if (job.as_url) {
        item["url"] = "http://" + host + core_.Keep(bytes, job.call.picture.format);
      } else {
        item["b64_json"] = Base64Encode(*bytes);
      }
      if (job.model == "dall-e-3") item["revised_prompt"] = job.call.picture.text;
      data.push_back(std::move(item));
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    json body = {{"created", std::chrono::duration_cast<std::chrono::seconds>(now).count()},
                 {"data", std::move(data)}};
    if (!job.model.starts_with("dall-e")) body["usage"] = Usage(job.call);
    return http::Json(200, body.dump());
  }

  static json Usage(const SimulatedCall& call) {
    const auto text = call.picture.text.size() / 4 + 1;
    const auto image = static_cast<std::size_t>(1056 * call.count);
    return {{"total_tokens", text + image},
            {"input_tokens", text},
            {"output_tokens", image},
            {"input_tokens_details", {{"text_tokens", text}, {"image_tokens", 0}}}};
  }

  Task<http::Response> Models(http::RequestPtr) {
    json data = json::array();
    for (const auto model : kModels) {
      data.push_back(
          {{"id", model}, {"object", "model"}, {"created", 0}, {"owned_by", "simulator"}});
    }
    co_return http::Json(200, json{{"object", "list"}, {"data", data}}.dump());
  }

  SimulatorCore& core_;
};

}  // namespace

std::unique_ptr<Surface> SimulateOpenAi(SimulatorCore& core) {
  return std::make_unique<SimulatedOpenAi>(core);
}

}  // namespace reprise
