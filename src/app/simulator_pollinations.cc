// Pollinations' image service, simulated: the picture itself as the answer.
#include <algorithm>
#include <charconv>

#include "app/simulator_apis.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

using nlohmann::json;

http::Response ApiError(int status, std::string_view error, std::string_view message) {
  return http::Json(status,
                    json{{"error", error}, {"message", message}, {"status", status}}.dump());
}

// A parameter of the query, percent-decoded; empty when it is absent.
std::string QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name && equals < pair.size()) {
      return http::PercentDecode(pair.substr(equals + 1));
    }
  }
  return {};
}

std::int64_t QueryNumber(const std::string& text, std::int64_t fallback) {
  std::from_chars(text.data(), text.data() + text.size(), fallback);
  return fallback;
}

class SimulatedPollinations final : public Surface {
 public:
  explicit SimulatedPollinations(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    router.Add("GET", "/prompt/{prompt}", RouteTo(this, &SimulatedPollinations::Prompt));
    router.Add("GET", "/models", RouteTo(this, &SimulatedPollinations::Models));
  }

 private:
  Task<http::Response> Prompt(http::RequestPtr request) {
    const SimulatorCore::Running running(core_, SimulatedKind::kPollinations);
    Picture picture;
    picture.text = request->params.at(0);
    picture.theme = ThemeOf(picture.text);
    picture.format = ImageFormat::kJpeg;
    picture.width = static_cast<int>(QueryNumber(QueryValue(request->query, "width"), 1024));
    picture.height = static_cast<int>(QueryNumber(QueryValue(request->query, "height"), 1024));
    picture.seed = SeedOr(QueryNumber(QueryValue(request->query, "seed"), -1));
    auto outcome = co_await core_.Perform(SimulatedKind::kPollinations, {.picture = picture});
    if (!outcome) co_return ErrorResponse(outcome.error());
    co_return SimulatorCore::Send(*outcome, Write(*outcome));
  }

  static http::Response Write(const SimulatedOutcome& outcome) {
    if (outcome.kind == SimulatedOutcome::Kind::kRefused) {
      return ApiError(400, "Bad Request", "Content policy violation: " + outcome.Message());
    }
    if (outcome.kind == SimulatedOutcome::Kind::kFailed) {
      const bool limited = outcome.status == 429;
      return ApiError(outcome.status, limited ? "Too Many Requests" : "Internal Server Error",
                      limited ? "Queue full for IP" : outcome.Message());
    }
    http::Response response{.status = 200, .headers = {{"Content-Type", "image/jpeg"}}, .body = {}};
    if (!outcome.images.empty()) response.body = outcome.images.front();
    return response;
  }

  Task<http::Response> Models(http::RequestPtr) {
    co_return http::Json(200, R"(["flux","turbo","gptimage"])");
  }

  SimulatorCore& core_;
};

}  // namespace

std::unique_ptr<Surface> SimulatePollinations(SimulatorCore& core) {
  return std::make_unique<SimulatedPollinations>(core);
}

}  // namespace reprise
