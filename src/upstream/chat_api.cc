// Chat completions that answer with images: OpenRouter, and Gemini through it or alike.
// https://openrouter.ai/docs/features/multimodal/image-generation
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/json.h"
#include "upstream/image_api.h"

namespace reprise {
namespace {

using nlohmann::json;

// Answers with images are far longer than those that only explain a failure.
constexpr std::size_t kLongestFault = 64u << 10;

struct Ratio {
  std::string_view name;
  double value;
};
constexpr Ratio kRatios[] = {
    {"1:1", 1.0},     {"2:3", 2.0 / 3}, {"3:2", 3.0 / 2},   {"3:4", 3.0 / 4},   {"4:3", 4.0 / 3},
    {"4:5", 4.0 / 5}, {"5:4", 5.0 / 4}, {"9:16", 9.0 / 16}, {"16:9", 16.0 / 9}, {"21:9", 21.0 / 9}};

// The API knows shapes, not sizes.
std::string_view NearestRatio(int width, int height) {
  const double wanted = std::log(static_cast<double>(width) / height);
  const auto distance = [wanted](const Ratio& ratio) {
    return std::abs(std::log(ratio.value) - wanted);
  };
  return std::min_element(std::begin(kRatios), std::end(kRatios),
                          [&](const Ratio& a, const Ratio& b) { return distance(a) < distance(b); })
      ->name;
}

std::string DataUrl(const GenerateInput& input) {
  std::string url = "data:" + input.media_type + ";base64,";
  Base64Append(*input.bytes, url);
  return url;
}

json ImagePart(const GenerateInput& input) {
  return {{"type", "image_url"}, {"image_url", {{"url", DataUrl(input)}}}};
}

// An image part's URL: {"image_url": {"url": ...}}, or the text itself.
std::string UrlOf(const json& part) {
  if (!part.is_object()) return {};
  const auto found = part.find("image_url");
  if (found == part.end()) return TextOf(part, "url");
  return found->is_string() ? found->get<std::string>() : TextOf(*found, "url");
}

// Where a message's part keeps the address of its image, or null when it is no image.
json* ImageAddress(json& part) {
  if (TextOf(part, "type") != "image_url" || !part.contains("image_url")) return nullptr;
  json& image = part["image_url"];
  json* url = image.is_object() && image.contains("url") ? &image["url"] : &image;
  return url->is_string() ? url : nullptr;
}

// By what stands for it, such as "input:2", the address of an image. Each is put back once, as each
// stood once in the chat that was read: callers of other surfaces may send such parameters too, and
// a few bytes could grow into any number of images.
using StandIns = std::map<std::string, json>;

// Those of earlier messages have the role "context".
StandIns InputsFor(const std::vector<GenerateInput>& inputs, bool earlier) {
  StandIns stand_ins;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if ((inputs[i].role == "context") != earlier) continue;
    stand_ins["input:" + std::to_string(i)] = DataUrl(inputs[i]);
  }
  return stand_ins;
}

void PutBack(json& part, StandIns& stand_ins) {
  json* url = ImageAddress(part);
  if (url == nullptr) return;
  auto found = stand_ins.extract(url->get_ref<const std::string&>());
  if (found) *url = std::move(found.mapped());
}

// The last message as it came: the parameter `chat_parts`, with the prompt, its images and links
// where they were.
json InOrder(json parts, const GenerateRequest& request, const std::string& addition,
             const json& links) {
  StandIns stand_ins = InputsFor(request.inputs, false);
  for (std::size_t i = 0; links.is_array() && i < links.size(); ++i) {
    stand_ins["link:" + std::to_string(i)] = links[i];
  }
  json* text = nullptr;
  bool has_prompt = false;
  for (json& part : parts) {
    PutBack(part, stand_ins);
    if (TextOf(part, "type") != "text") continue;
    if (!part.contains("text") && !std::exchange(has_prompt, true)) part["text"] = request.prompt;
    text = &part;
  }
  if (text == nullptr) {
    parts.insert(parts.begin(), json{{"type", "text"}, {"text", request.prompt}});
    text = &parts.front();
  }
  if (!addition.empty()) (*text)["text"] = TextOf(*text, "text") + addition;
  return parts;
}

// The last message: the prompt, its images, and the images that `links` leads to, in the order of
// `parts`, if there is one.
json Content(const GenerateRequest& request, const std::string& negative_prompt, const json& links,
             json parts) {
  std::string addition;
  if (!negative_prompt.empty()) addition = "\nThe image must not show: " + negative_prompt;
  if (parts.is_array()) return InOrder(std::move(parts), request, addition, links);
  std::string text = request.prompt + addition;
  parts = json::array();
  for (const GenerateInput& input : request.inputs) {
    if (input.role != "context") parts.push_back(ImagePart(input));
  }
  for (const json& link : links) {
    parts.push_back({{"type", "image_url"}, {"image_url", {{"url", link}}}});
  }
  if (parts.empty()) return text;
  parts.insert(parts.begin(), json{{"type", "text"}, {"text", std::move(text)}});
  return parts;
}

// What was said before the prompt: the parameter `messages`.
json Earlier(json messages, const std::vector<GenerateInput>& inputs) {
  if (!messages.is_array()) return json::array();
  StandIns stand_ins = InputsFor(inputs, true);
  for (json& message : messages) {
    if (!message.is_object() || !message.contains("content")) continue;
    json& content = message["content"];
    if (!content.is_array()) continue;
    for (json& part : content) PutBack(part, stand_ins);
  }
  return messages;
}

Result<void> CheckInputs(const GenerateRequest& request) {
  if (request.operation == "variation") {
    return Fail(Code::kInvalidArgument,
                "chat completions know no variations; edit the image with a prompt instead",
                "operation");
  }
  for (const GenerateInput& input : request.inputs) {
    if (input.role != "mask") continue;
    return Fail(Code::kInvalidArgument,
                "chat completions take no mask; say in the prompt what is to change", "mask");
  }
  return {};
}

void AppendText(std::string_view text, std::string& all) {
  if (!all.empty() && !text.empty()) all += '\n';
  all += text;
}

// What a message holds, wherever its images are: in `images`, or among the parts of its content.
struct MessageParts {
  std::vector<std::string> urls;
  std::string text;
  std::string refusal;
};

void ReadMessage(const json& message, MessageParts& parts) {
  if (!message.is_object()) return;
  AppendText(TextOf(message, "content"), parts.text);
  AppendText(TextOf(message, "refusal"), parts.refusal);
  for (const char* key : {"images", "content"}) {
    const auto list = message.find(key);
    if (list == message.end() || !list->is_array()) continue;
    for (const json& part : *list) {
      if (std::string url = UrlOf(part); !url.empty()) parts.urls.push_back(std::move(url));
      AppendText(TextOf(part, "text"), parts.text);
    }
  }
}

std::unexpected<Error> NoImage(const MessageParts& parts, const std::string& finish,
                               const std::string& native_finish) {
  const bool refused = !parts.refusal.empty() || SoundsLikeRefusal(finish) ||
                       SoundsLikeRefusal(native_finish) || native_finish == "SAFETY";
  const std::string said = Shorten(parts.refusal.empty() ? parts.text : parts.refusal, 300);
  Error error{.code = refused ? Code::kForbidden : Code::kBadUpstream,
              .message = refused ? "the upstream's model refuses: " + said
                                 : "the upstream's model answered without an image (finish_reason "
                                   "'" +
                                       finish + "'): " + said};
  if (refused) error.upstream = kRefusalCode;
  return std::unexpected(std::move(error));
}

std::optional<double> AmountIn(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_number()) return {};
  const auto amount = found->get<double>();
  return amount >= 0 && std::isfinite(amount) ? std::optional(amount) : std::nullopt;
}

// OpenRouter's bill, in US dollars; with the caller's own key at a provider, the provider's on top.
std::optional<double> CostIn(const json& usage) {
  auto cost = AmountIn(usage, "cost");
  if (cost && usage.value("is_byok", json()) == true) {
    const json details = usage.value("cost_details", json());
    *cost += AmountIn(details, "upstream_inference_cost").value_or(0);
  }
  return cost;
}

class ChatApi final : public ImageApi {
 public:
  std::string_view DefaultUrl() const override { return "https://openrouter.ai/api/v1"; }

  Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                      std::chrono::milliseconds) const override {
    if (auto checked = CheckInputs(request); !checked) return std::unexpected(checked.error());
    auto params = ReadParams(request);
    if (!params) return std::unexpected(params.error());
    json& body = *params;
    EraseOpenAiParams(body);
    const std::string negative_prompt = TextOf(body, "negative_prompt");
    body.erase("negative_prompt");
    body["model"] = request.model;
    const json links = body.value("image_urls", json::array());
    body.erase("image_urls");
    json content = Content(request, negative_prompt, links, ReadChatParts(request));
    const json message = {{"role", "user"}, {"content", std::move(content)}};
    body["messages"] = Earlier(body.value("messages", json::array()), request.inputs);
    body["messages"].push_back(message);
    if (!body.contains("modalities")) body["modalities"] = {"image", "text"};
    if (request.width > 0 && request.height > 0 && !body.contains("image_config")) {
      body["image_config"] = {{"aspect_ratio", NearestRatio(request.width, request.height)}};
    }
    if (request.seed) body["seed"] = *request.seed;
    if (!request.user.empty()) body["user"] = request.user;
    return JsonPost("/chat/completions", body);
  }

  // Failures of the model's provider come with HTTP 200 and their status in the body.
  std::optional<ApiFault> FaultOf(std::string_view name,
                                  const http::ClientResponse& response) const override {
    if (auto fault = ImageApi::FaultOf(name, response)) return fault;
    if (response.body.size() > kLongestFault) return {};
    const json body = ParseJson(response.body);
    json error = Member(body, "error");
    const json& choices = Member(body, "choices");
    if (error.is_null() && choices.is_array() && !choices.empty()) {
      error = Member(choices[0], "error");
    }
    if (!error.is_object()) return {};
    http::ClientResponse meant = response;
    const auto code = error.find("code");
    const int status = code != error.end() && code->is_number_integer() ? code->get<int>() : 502;
    meant.status = status >= 400 && status < 600 ? status : 502;
    meant.body = DumpJson({{"error", error}});
    return ReadApiFault(name, meant);
  }

  Result<ApiAnswer> Read(const http::ClientResponse& response,
                         std::size_t max_image_bytes) const override {
    const json body = ParseJson(response.body);
    if (!body.is_object() || !body.contains("choices") || !body["choices"].is_array()) {
      return Fail(Code::kBadUpstream,
                  "the upstream's answer is no chat completion: " + DescribeAnswer(response));
    }
    MessageParts parts;
    std::string finish, native_finish;
    for (const json& choice : body["choices"]) {
      ReadMessage(Member(choice, "message"), parts);
      finish = TextOf(choice, "finish_reason");
      native_finish = TextOf(choice, "native_finish_reason");
    }
    if (parts.urls.empty()) return NoImage(parts, finish, native_finish);
    ApiAnswer answer{.text = std::move(parts.text)};
    for (const std::string& url : parts.urls) {
      auto image = ReadImageText(url, max_image_bytes);
      if (!image) return std::unexpected(std::move(image.error()));
      answer.images.push_back(std::move(*image));
    }
    const auto usage = body.find("usage");
    if (usage != body.end() && usage->is_object()) {
      answer.usage = usage->dump();
      answer.cost_usd = CostIn(*usage);
    }
    return answer;
  }

  http::ClientRequest Probe() const override { return {.url = "/models"}; }
};

}  // namespace

std::unique_ptr<ImageApi> MakeChatApi() {
  return std::make_unique<ChatApi>();
}

}  // namespace reprise
