#include "gateway/chat_writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "base/json.h"
#include "gateway/reply_headers.h"
#include "http/sse.h"

namespace reprise {
namespace {

using nlohmann::json;

std::string NewId() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return fmt::format("chatcmpl-{:016x}{:016x}", random(), random());
}

// Image APIs count input and output tokens, chat APIs prompt and completion tokens.
json UsageOf(const Reply& reply) {
  const json usage = json::parse(reply.usage, nullptr, false);
  const auto count = [&usage](const char* chat_name, const char* image_name) {
    const auto read = [&usage](const char* name) -> std::int64_t {
      const auto found = usage.is_object() ? usage.find(name) : usage.end();
      return found != usage.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
    };
    return std::max(read(chat_name), read(image_name));
  };
  const auto prompt = count("prompt_tokens", "input_tokens");
  const auto completion = count("completion_tokens", "output_tokens");
  return {{"prompt_tokens", prompt},
          {"completion_tokens", completion},
          {"total_tokens", prompt + completion}};
}

json ImagesOf(const ServedImage& image) {
  std::string url = "data:" + image.media_type + ";base64,";
  Base64Append(*image.bytes, url);
  json part = {{"type", "image_url"}, {"index", 0}, {"image_url", {{"url", std::move(url)}}}};
  json images = json::array();
  images.push_back(std::move(part));
  return images;
}

// What a whole completion and each chunk of one begin with.
json Frame(const char* object, const std::string& id, const ChatReply& chat) {
  return {{"id", id},
          {"object", object},
          {"created", chat.reply.created_ms / 1000},
          {"model", chat.model},
          {"choices", json::array()}};
}

// For each image what was said beside it, the image, and the end of its choice; each piece written
// when it is sent.
class ChatEvents final : public http::BodyStream {
 public:
  explicit ChatEvents(ChatReply chat) : chat_(std::move(chat)), id_(NewId()) {}

  Task<Result<std::optional<std::string>>> Next() override {
    const std::size_t images = chat_.reply.images.size();
    if (step_ < images * kSteps) {
      const ServedImage& image = chat_.reply.images[step_ / kSteps];
      const std::size_t part = step_ % kSteps;
      const auto choice = static_cast<int>(step_ / kSteps);
      ++step_;
      co_return Choice(image, choice, part);
    }
    if (ended_) co_return std::nullopt;
    ended_ = true;
    std::string end;
    if (chat_.include_usage) {
      json chunk = Frame("chat.completion.chunk", id_, chat_);
      chunk["usage"] = UsageOf(chat_.reply);
      end += Event(DumpJson(chunk));
    }
    co_return end + Event("[DONE]");
  }

 private:
  static constexpr std::size_t kSteps = 3;

  static std::string Event(std::string_view data) {
    return http::FormatSse({.type = "", .data = data, .id = ""});
  }

  std::string Choice(const ServedImage& image, int index, std::size_t part) const {
    json delta = json::object();
    if (part == 0) delta = {{"role", "assistant"}, {"content", image.revised_prompt}};
    if (part == 1) delta = {{"images", ImagesOf(image)}};
    json chunk = Frame("chat.completion.chunk", id_, chat_);
    chunk["choices"].push_back({{"index", index},
                                {"delta", std::move(delta)},
                                {"finish_reason", part == 2 ? json("stop") : json()}});
    return Event(DumpJson(chunk));
  }

  const ChatReply chat_;
  const std::string id_;
  std::size_t step_ = 0;
  bool ended_ = false;
};

}  // namespace

http::Response WriteChat(const ChatReply& chat, const Decision& decision) {
  json body = Frame("chat.completion", NewId(), chat);
  for (const ServedImage& image : chat.reply.images) {
    json message = {{"role", "assistant"},
                    {"content", image.revised_prompt},
                    {"refusal", nullptr},
                    {"images", ImagesOf(image)}};
    body["choices"].push_back({{"index", body["choices"].size()},
                               {"finish_reason", "stop"},
                               {"logprobs", nullptr},
                               {"message", std::move(message)}});
  }
  body["usage"] = UsageOf(chat.reply);
  auto response = http::Json(200, DumpJson(body));
  ExplainReply(decision, response);
  return response;
}

http::Response StreamChat(ChatReply chat, const Decision& decision) {
  auto response = http::EventStream(std::make_shared<ChatEvents>(std::move(chat)));
  ExplainReply(decision, response);
  return response;
}

}  // namespace reprise
