// Automatic1111's web UI, started with --api, simulated.
#include "app/simulator_apis.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

using nlohmann::json;

struct Txt2Img {
  SimulatedCall call;
  std::string negative_prompt;
};

Result<Txt2Img> ReadTxt2Img(const json& body) {
  Txt2Img job;
  Picture& picture = job.call.picture;
  picture.text = Get<std::string>(body, "prompt", "");
  job.negative_prompt = Get<std::string>(body, "negative_prompt", "");
  picture.theme = ThemeOf(picture.text);
  picture.width = Get<int>(body, "width", 512);
  picture.height = Get<int>(body, "height", 512);
  picture.seed = SeedOr(Get<std::int64_t>(body, "seed", -1));
  job.call.count = Get<int>(body, "batch_size", 1);
  if (job.call.count < 1 || job.call.count > 8) {
    return Fail(Code::kInvalidArgument, "batch_size must be from 1 to 8");
  }
  return job;
}

class SimulatedAutomatic1111 final : public Surface {
 public:
  explicit SimulatedAutomatic1111(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    router.Add("POST", "/sdapi/v1/txt2img", RouteTo(this, &SimulatedAutomatic1111::Txt2Images));
    router.Add("GET", "/sdapi/v1/options", RouteTo(this, &SimulatedAutomatic1111::Options));
  }

 private:
  Task<http::Response> Txt2Images(http::RequestPtr request) {
    const SimulatorCore::Running running(core_, SimulatedKind::kAutomatic1111);
    auto job = ReadSimulated(request->body, ReadTxt2Img);
    if (!job) {
      const json problem = {{"loc", {"body"}}, {"msg", job.error().message}};
      co_return http::Json(422, json{{"detail", json::array({problem})}}.dump());
    }
    auto outcome = co_await core_.Perform(SimulatedKind::kAutomatic1111, job->call);
    if (!outcome) co_return ErrorResponse(outcome.error());
    co_return SimulatorCore::Send(*outcome, Write(*job, *outcome));
  }

  static http::Response Write(const Txt2Img& job, const SimulatedOutcome& outcome) {
    if (outcome.kind == SimulatedOutcome::Kind::kRefused) {  // as a filtering proxy before it does
      return http::Json(403, json{{"detail", outcome.Message()}}.dump());
    }
    if (outcome.kind == SimulatedOutcome::Kind::kFailed) {
      return http::Json(outcome.status, json{{"error", "RuntimeError"},
                                             {"detail", ""},
                                             {"body", ""},
                                             {"errors", outcome.Message()}}
                                            .dump());
    }
    json images = json::array();
    for (const SharedBytes& bytes : outcome.images) images.push_back(Base64Encode(*bytes));
    const json info = {{"prompt", job.call.picture.text},
                       {"negative_prompt", job.negative_prompt},
                       {"seed", job.call.picture.seed},
                       {"index_of_first_image", 0}};
    return http::Json(
        200,
        json{{"images", std::move(images)}, {"parameters", json::object()}, {"info", info.dump()}}
            .dump());
  }

  Task<http::Response> Options(http::RequestPtr) {
    co_return http::Json(200, R"({"sd_model_checkpoint":"simulated"})");
  }

  SimulatorCore& core_;
};

}  // namespace

std::unique_ptr<Surface> SimulateAutomatic1111(SimulatorCore& core) {
  return std::make_unique<SimulatedAutomatic1111>(core);
}

}  // namespace reprise
