#include "gateway/chat_reader.h"

#include <nlohmann/json.hpp>

#include "gateway/cache_knobs.h"
#include "gateway/generation_reader.h"
#include "gateway/json_input.h"
#include "gateway/models.h"
#include "image/sniff.h"

namespace reprise {
namespace {

using nlohmann::json;
using simdjson::dom::element;

constexpr std::size_t kMaxChatInputs = 16;

std::unexpected<Error> InvalidMessages(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message), "messages");
}

// Where a content part keeps the address of its image, or null when it is no image.
json* ImageUrl(json& part) {
  if (part.value("type", json()) != "image_url" || !part.contains("image_url")) return nullptr;
  json& image = part["image_url"];
  json* url = image.is_object() && image.contains("url") ? &image["url"] : &image;
  return url->is_string() ? url : nullptr;
}

// Upstreams are sent an image for "input:2", so it is only ours to write: a caller's would bring an
// image of any size in a few bytes, as often as it is there.
Result<void> CheckAddress(const std::string& url) {
  if (!url.starts_with("input:")) return {};
  return InvalidMessages("an image's URL must be a link or data:image/png;base64,..., not '" +
                         Excerpt(url) + "'; send the image itself in each message that shows it");
}

// "data:image/png;base64,..."; what the address says of the type does not count.
Result<InputImage> ReadDataUrl(const std::string& url, std::string role) {
  const auto comma = url.find(',');
  if (comma == std::string::npos || !url.substr(0, comma).ends_with(";base64")) {
    return InvalidMessages(
        "an image's data URL must be data:image/png;base64,... (or jpeg, webp), not '" +
        Excerpt(url) + "'");
  }
  auto bytes = Base64Decode(std::string_view(url).substr(comma + 1));
  if (!bytes)
    return InvalidMessages("the data URL of an image is not valid base64: '" + Excerpt(url) + "'");
  const auto format = SniffFormat(*bytes);
  if (!format) {
    return InvalidMessages("an image's data URL must hold a png, jpeg or webp, but holds " +
                           (bytes->empty() ? std::string("nothing") : DescribeBytes(*bytes)));
  }
  const Digest digest = Sha256(*bytes);
  return InputImage{.role = std::move(role),
                    .bytes = ShareBytes(std::move(*bytes)),
                    .media_type = std::string(MediaType(*format)),
                    .digest = digest};
}

// What the messages of a chat become.
class Conversation {
 public:
  Result<void> Read(json messages) {
    if (!messages.is_array() || messages.empty()) {
      return InvalidMessages("'messages' must be a list with the user's message at its end");
    }
    json last = std::move(messages.back());
    messages.erase(messages.size() - 1);
    for (json& message : messages) {
      if (auto read = Earlier(message); !read) return read;
    }
    earlier = std::move(messages);
    return Last(last);
  }

  // The last message's parts in their order, or null when it is that of the upstreams anyway: the
  // text, pictures, links. One text is the prompt and is left out. Texts apart from each other are
  // spelled: which words go with which picture is no matter of likeness.
  json Order() {
    if (plain_) return nullptr;
    json* text = nullptr;
    for (json& part : parts_) {
      if (part["type"] != "text") continue;
      if (text) return std::move(parts_);
      text = &part;
    }
    if (text) text->erase("text");
    return std::move(parts_);
  }

  std::string prompt;
  json earlier = json::array();
  json links = json::array();
  std::vector<InputImage> inputs;

 private:
  Result<void> Earlier(json& message) {
    if (!message.is_object()) return InvalidMessages("a message must be an object");
    if (!message.contains("content") || !message["content"].is_array()) return {};
    for (json& part : message["content"]) {
      json* url = part.is_object() ? ImageUrl(part) : nullptr;
      if (!url) continue;
      const auto& address = url->get_ref<const std::string&>();
      if (auto checked = CheckAddress(address); !checked) return checked;
      if (!address.starts_with("data:")) continue;
      const std::string stand_in = "input:" + std::to_string(inputs.size());
      if (auto added = Add(address, "context"); !added) return added;
      *url = stand_in;
    }
    return {};
  }

  Result<void> Last(json& message) {
    if (!message.is_object() || message.value("role", json()) != "user") {
      return InvalidMessages(
          "the last message must be the user's, and say what the image should show");
    }
    json& content = message["content"];
    if (content.is_string()) {
      prompt = content.get<std::string>();
    } else if (content.is_array()) {
      for (json& part : content) {
        if (auto read = Part(part); !read) return read;
      }
    }
    if (prompt.find_first_not_of(" \t\r\n") != std::string::npos) return {};
    return InvalidMessages("the last message has no text; say what the image should show");
  }

  Result<void> Part(json& part) {
    if (part.is_object() && part.value("type", json()) == "text" &&
        part.value("text", json()).is_string()) {
      AddText(part["text"].get_ref<const std::string&>());
      return {};
    }
    json* url = part.is_object() ? ImageUrl(part) : nullptr;
    if (!url) {
      return InvalidMessages(
          "the last message may have parts of the types text and image_url only, not " +
          Excerpt(part.dump()));
    }
    const std::string address = std::move(url->get_ref<std::string&>());
    if (auto checked = CheckAddress(address); !checked) return checked;
    const bool data = address.starts_with("data:");
    json image = part["image_url"].is_object() ? std::move(part["image_url"]) : json::object();
    image["url"] =
        data ? "input:" + std::to_string(inputs.size()) : "link:" + std::to_string(links.size());
    AddPart(data ? 1 : 2, {{"type", "image_url"}, {"image_url", image}}, image.size() == 1);
    if (data) return Add(address, "image");
    links.push_back(address);
    return {};
  }

  void AddText(const std::string& text) {
    if (!prompt.empty()) prompt += '\n';
    prompt += text;
    if (text.empty()) return;
    if (!parts_.empty() && parts_.back()["type"] == "text") {
      parts_.back()["text"].get_ref<std::string&>() += '\n' + text;
    } else {
      AddPart(0, {{"type", "text"}, {"text", text}}, true);
    }
  }

  // `kind` is its place in the upstreams' order; `bare`: it says nothing but what it shows.
  void AddPart(int kind, json part, bool bare) {
    plain_ = plain_ && bare && kind >= last_kind_;
    last_kind_ = kind;
    parts_.push_back(std::move(part));
  }

  Result<void> Add(const std::string& url, std::string role) {
    if (inputs.size() == kMaxChatInputs) {
      return InvalidMessages("the messages have more than " + std::to_string(kMaxChatInputs) +
                             " images; at most that many are accepted");
    }
    auto input = ReadDataUrl(url, std::move(role));
    if (!input) return std::unexpected(input.error());
    inputs.push_back(std::move(*input));
    return {};
  }

  json parts_ = json::array();
  int last_kind_ = 0;
  bool plain_ = true;
};

// Takes a member out of the body.
json Take(json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return {};
  json value = std::move(*found);
  body.erase(found);
  return value;
}

Result<bool> TakeStream(json& body, ChatCall& call) {
  const json stream = Take(body, "stream");
  const json options = Take(body, "stream_options");
  if (!stream.is_null() && !stream.is_boolean()) {
    return Fail(Code::kInvalidArgument, "'stream' must be true or false", "stream");
  }
  call.stream = stream == true;
  call.include_usage = options.is_object() && options.value("include_usage", json()) == true;
  return call.stream;
}

// What says how the answer is delivered, or who asked, shapes no image.
void TakeDelivery(json& body) {
  for (const char* name : {"modalities", "response_format", "metadata", "store"}) Take(body, name);
  json id = Take(body, "safety_identifier");
  if (id.is_string() && !body.contains("user")) body["user"] = std::move(id);
}

}  // namespace

bool WantsImage(std::string_view body, const GatewaySettings& settings) {
  simdjson::dom::parser large;
  const auto parsed = ParseBody(body, large);
  if (!parsed) return false;
  const element document = *parsed;
  std::string_view model;
  if (document["model"].get(model) == simdjson::SUCCESS && IsImageModel(settings, model)) {
    return true;
  }
  simdjson::dom::array modalities;
  if (document["modalities"].get(modalities) != simdjson::SUCCESS) return false;
  for (element modality : modalities) {
    std::string_view name;
    if (modality.get(name) == simdjson::SUCCESS && name == "image") return true;
  }
  return false;
}

Result<ChatCall> ReadChat(const http::Request& http, const OpenAiSettings& settings) {
  json body = json::object();
  auto read = ForEachField(http.body, [&body](std::string_view key, element value) -> Result<void> {
    if (!value.is_null()) body[std::string(key)] = ToJson(value);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  ChatCall call;
  if (auto stream = TakeStream(body, call); !stream) return std::unexpected(stream.error());
  TakeDelivery(body);
  Conversation conversation;
  if (auto held = conversation.Read(Take(body, "messages")); !held) {
    return std::unexpected(held.error());
  }
  Take(body, "chat_parts");
  if (json order = conversation.Order(); !order.is_null()) body["chat_parts"] = std::move(order);
  body["prompt"] = std::move(conversation.prompt);
  if (!conversation.earlier.empty()) body["messages"] = std::move(conversation.earlier);
  if (!conversation.links.empty()) body["image_urls"] = std::move(conversation.links);
  auto image = ReadGenerationBody(body.dump(), Dialect::kOpenAi, settings);
  if (!image) return std::unexpected(image.error());
  call.request = std::move(image->request);
  call.request.inputs = std::move(conversation.inputs);
  call.request.delivery.bytes = true;
  if (auto knobs = ReadCacheHeaders(http, call.request.control); !knobs) {
    return std::unexpected(knobs.error());
  }
  return call;
}

}  // namespace reprise
