// Chat completions with image output, simulated as OpenRouter answers them: pictures as data URLs
// in message.images, refusals in message.refusal with finish_reason content_filter. Requests
// without image output get their last message back, streamed when they ask for it.
#include <charconv>

#include "app/simulator_apis.h"
#include "base/digest.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

using nlohmann::json;

http::Response ChatError(int status, std::string_view message) {
  return http::Json(status, json{{"error", {{"code", status}, {"message", message}}}}.dump());
}

struct Ratio {
  std::string_view name;
  int width, height;
};
// The sizes Gemini answers with.
constexpr Ratio kRatios[] = {{"1:1", 1024, 1024}, {"2:3", 832, 1248},  {"3:2", 1248, 832},
                             {"3:4", 864, 1184},  {"4:3", 1184, 864},  {"4:5", 896, 1152},
                             {"5:4", 1152, 896},  {"9:16", 768, 1344}, {"16:9", 1344, 768},
                             {"21:9", 1536, 672}};

struct ChatJob {
  SimulatedCall call;
  std::string model;
  bool wants_image = false;
  bool stream = false;
};

// Appends the text of a message's content, and what its images shape.
void ReadContent(const json& content, std::string& text, std::string& images) {
  if (content.is_string()) text = content.get<std::string>();
  if (!content.is_array()) return;
  for (const json& part : content) {
    const auto type = part.value("type", "");
    if (type == "text") text += part.value("text", "");
    if (type == "image_url") images += Sha256(part.at("image_url").dump()).Hex();
  }
}

Result<ChatJob> ReadChatJob(const json& body) {
  ChatJob job;
  job.model = Get<std::string>(body, "model", "simulated");
  job.stream = Get<bool>(body, "stream", false);
  for (const json& modality : Get<json>(body, "modalities", json::array())) {
    job.wants_image |= modality == "image";
  }
  std::string images;
  Picture& picture = job.call.picture;
  for (const json& message : Get<json>(body, "messages", json::array())) {
    if (message.value("role", "") != "user") continue;
    picture.text.clear();
    ReadContent(message.value("content", json()), picture.text, images);
  }
  if (picture.text.empty()) return Fail(Code::kInvalidArgument, "a user message is required");
  picture.theme = ThemeOf(picture.text + " " + images);
  picture.seed = SeedOr(Get<std::int64_t>(body, "seed", -1));
  const json config = Get<json>(body, "image_config", json::object());
  const std::string ratio = config.value("aspect_ratio", "1:1");
  for (const Ratio& known : kRatios) {
    if (known.name != ratio) continue;
    picture.width = known.width;
    picture.height = known.height;
  }
  return job;
}

json Message(const std::string& text) {
  return {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}};
}

// As OpenRouter bills: in US dollars.
std::optional<double> CostOf(const ChatJob& job) {
  constexpr std::string_view kCost = "cost=";
  const std::string_view word = FaultOf(job.call.picture.text);
  if (!word.starts_with(kCost)) return {};
  double usd = 0;
  std::from_chars(word.data() + kCost.size(), word.data() + word.size(), usd);
  return usd;
}

json Completion(const ChatJob& job, json message, std::string_view finish) {
  const auto tokens = job.call.picture.text.size() / 4 + 1;
  const json choice = {{"index", 0},
                       {"finish_reason", finish},
                       {"native_finish_reason", finish == "stop" ? "STOP" : "PROHIBITED_CONTENT"},
                       {"message", std::move(message)}};
  json usage = {
      {"prompt_tokens", tokens}, {"completion_tokens", 1290}, {"total_tokens", tokens + 1290}};
  if (const auto usd = CostOf(job)) usage["cost"] = *usd;
  return {{"id", "gen-simulated"}, {"object", "chat.completion"},      {"created", 0},
          {"model", job.model},    {"choices", json::array({choice})}, {"usage", std::move(usage)}};
}

// A completion's words as server-sent events.
class Words final : public http::BodyStream {
 public:
  Words(std::string model, const std::string& text) : model_(std::move(model)) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find(' ', at), text.size() - 1) + 1;
      words_.push_back(text.substr(at, end - at));
      at = end;
    }
  }

  Task<Result<std::optional<std::string>>> Next() override {
    std::optional<std::string> event;
    if (at_ < words_.size()) {
      event = Event({{"role", "assistant"}, {"content", words_[at_]}}, nullptr);
    } else if (at_ == words_.size()) {
      event = Event(json::object(), "stop") + "data: [DONE]\n\n";
    }
    ++at_;
    co_return event;
  }

 private:
  std::string Event(const json& delta, const json& finish) const {
    const json choice = {{"index", 0}, {"delta", delta}, {"finish_reason", finish}};
    const json chunk = {{"id", "gen-simulated"},
                        {"object", "chat.completion.chunk"},
                        {"created", 0},
                        {"model", model_},
                        {"choices", json::array({choice})}};
    return "data: " + chunk.dump() + "\n\n";
  }

  const std::string model_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

class SimulatedChat final : public Surface {
 public:
  explicit SimulatedChat(SimulatorCore& core) : core_(core) {}

  void AddRoutes(http::Router& router) override {
    router.Add("POST", "/v1/chat/completions", RouteTo(this, &SimulatedChat::Complete));
  }

 private:
  Task<http::Response> Complete(http::RequestPtr request) {
    auto job = ReadSimulated(request->body, ReadChatJob);
    if (!job) co_return ChatError(400, job.error().message);
    if (!job->wants_image) co_return Repeat(*job);
    const SimulatorCore::Running running(core_, SimulatedKind::kChat);
    auto outcome = co_await core_.Perform(SimulatedKind::kChat, job->call);
    if (!outcome) co_return ErrorResponse(outcome.error());
    co_return SimulatorCore::Send(*outcome, Write(*job, *outcome));
  }

  static http::Response Repeat(const ChatJob& job) {
    const std::string text = "You said: " + job.call.picture.text;
    if (!job.stream) return http::Json(200, Completion(job, Message(text), "stop").dump());
    http::Response response{.status = 200,
                            .headers = {{"Content-Type", "text/event-stream"}},
                            .body = std::make_shared<Words>(job.model, text)};
    return response;
  }

  static http::Response Write(const ChatJob& job, const SimulatedOutcome& outcome) {
    if (outcome.kind == SimulatedOutcome::Kind::kFailed) {
      return ChatError(outcome.status, outcome.Message());
    }
    if (outcome.kind == SimulatedOutcome::Kind::kRefused) {
      json message = Message("");
      message["refusal"] = outcome.Message();
      return http::Json(200, Completion(job, std::move(message), "content_filter").dump());
    }
    json message = Message("Here is your picture.");
    message["images"] = json::array();
    for (const SharedBytes& bytes : outcome.images) {
      std::string url = "data:image/png;base64,";
      Base64Append(*bytes, url);
      message["images"].push_back(
          {{"type", "image_url"}, {"image_url", {{"url", std::move(url)}}}});
    }
    return http::Json(200, Completion(job, std::move(message), "stop").dump());
  }

  SimulatorCore& core_;
};

}  // namespace

std::unique_ptr<Surface> SimulateChat(SimulatorCore& core) {
  return std::make_unique<SimulatedChat>(core);
}

}  // namespace reprise
