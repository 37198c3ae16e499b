#include "gateway/chat_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cache/identity.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kPngBytes = "\x89PNG\r\n\x1A\n and more";
const std::string kJpegBytes = "\xFF\xD8\xFF\xE0 and more";

json Text(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}
json Picture(const std::string& url) {
  return {{"type", "image_url"}, {"image_url", {{"url", url}}}};
}
std::string DataUrl(const std::string& bytes) {
  return "data:image/png;base64," + Base64Encode(bytes);
}
json User(json content) {
  return {{"role", "user"}, {"content", std::move(content)}};
}
json ChatOf(json messages) {
  return {{"model", "m"}, {"modalities", {"image", "text"}}, {"messages", std::move(messages)}};
}
// Not a json: a list of one would be that one.
json Chat(const std::vector<json>& messages) {
  return ChatOf(json(messages));
}
Result<ChatCall> ReadBody(const json& body) {
  const std::string text = body.dump();
  http::Request request;
  request.body = text;
  return ReadChat(request, {});
}
Digest Compatibility(const json& body) {
  const auto call = ReadBody(body);
  EXPECT_TRUE(call) << call.error().message;
  return MakeIdentity(call->request, false).compatibility;
}

TEST(WantsImage, ByModalityOrModel) {
  GatewaySettings settings;
  settings.models = {"google/gemini-image"};
  for (const char* body :
       {R"({"modalities":["image","text"]})", R"({"modalities":["text","image"],"model":"x"})",
        R"({"model":"google/gemini-image"})", R"({"model":"gpt-image-1"})"}) {
    EXPECT_TRUE(WantsImage(body, settings)) << body;
  }
  for (const char* body :
       {"", "[]", "{", R"({"modalities":"image"})", R"({"modalities":["text"]})",
        R"({"model":"gpt-4o"})", R"({"model":5,"modalities":[5,null,"images"]})"}) {
    EXPECT_FALSE(WantsImage(body, settings)) << body;
  }
}

TEST(ReadChat, TheLastMessageIsThePrompt) {
  const auto call = ReadBody(Chat({User("a fox")}));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.prompt, "a fox");
  EXPECT_EQ(call->request.model, "m");
  EXPECT_EQ(call->request.params, "{}");
  EXPECT_FALSE(call->stream || call->include_usage);
  EXPECT_EQ(ReadBody(Chat({User({Text("a fox"), Text("in snow")})}))->request.prompt,
            "a fox\nin snow");
}

TEST(ReadChat, PicturesAreInputsAndLinksAreKnownByTheirText) {
  const auto call =
      ReadBody(Chat({User({Picture(DataUrl(kPngBytes)), Text("a hat"),
                           Picture("https://host/a.png"), Picture(DataUrl(kJpegBytes))})}));
  ASSERT_TRUE(call) << call.error().message;
  ASSERT_EQ(call->request.inputs.size(), 2u);
  EXPECT_EQ(*call->request.inputs[0].bytes, kPngBytes);
  EXPECT_EQ(call->request.inputs[0].digest, Sha256(kPngBytes));
  EXPECT_EQ(call->request.inputs[1].media_type, "image/jpeg");
  EXPECT_EQ(json::parse(call->request.params)["image_urls"], json::array({"https://host/a.png"}));
}

TEST(ReadChat, PartsInAnotherOrderAreAnotherRequest) {
  const json text = Text("a hat"), image = Picture(DataUrl(kPngBytes)),
             other = Picture(DataUrl(kJpegBytes)), link = Picture("https://host/a.png");
  const auto params = [](const json& content) {
    const auto call = ReadBody(Chat({User(content)}));
    EXPECT_TRUE(call) << call.error().message;
    return json::parse(call->request.params);
  };
  // The order that upstreams get without more words; earlier versions stored it so.
  EXPECT_EQ(params(json::array({text})), json::object());
  EXPECT_EQ(params({text, text}), json::object());
  EXPECT_EQ(params({text, image, other}), json::object());
  EXPECT_EQ(params({text, image, link}), json::parse(R"({"image_urls":["https://host/a.png"]})"));

  EXPECT_EQ(params({image, text, link}), json::parse(R"({"image_urls":["https://host/a.png"],
      "chat_parts":[{"type":"image_url","image_url":{"url":"input:0"}},{"type":"text"},
                    {"type":"image_url","image_url":{"url":"link:0"}}]})"));
  // Likeness of the words compares the whole prompt, so what stands between pictures is spelled.
  EXPECT_EQ(params({Text("put"), image, Text("on"), Text("top of"), other})["chat_parts"],
            json::parse(R"([{"type":"text","text":"put"},
                {"type":"image_url","image_url":{"url":"input:0"}},
                {"type":"text","text":"on\ntop of"},
                {"type":"image_url","image_url":{"url":"input:1"}}])"));
  json detailed = image;
  detailed["image_url"]["detail"] = "low";
  EXPECT_EQ(params({text, detailed})["chat_parts"][1]["image_url"],
            json::parse(R"({"url":"input:0","detail":"low"})"));

  const std::vector<json> orders = {{text, image, link}, {image, text, link}, {text, link, image},
                                    {link, text, image}, {image, link, text}, {link, image, text}};
  std::set<std::string> identities;
  for (const json& order : orders) identities.insert(Compatibility(Chat({User(order)})).Hex());
  EXPECT_EQ(identities.size(), orders.size());
  const auto prompt = ReadBody(Chat({User({image, Text(""), text, Text("in red")})}));
  EXPECT_EQ(prompt->request.prompt, "a hat\nin red");
}

TEST(ReadChat, TheOrderOfPartsIsNotTheCallersToName) {
  json body = Chat({User("a fox")});
  body["chat_parts"] = json::array({Text("a cat")});
  EXPECT_EQ(ReadBody(body)->request.params, "{}");
}

TEST(ReadChat, EarlierMessagesKeepTheirPlaceWithoutTheirPictures) {
  const auto call = ReadBody(Chat({{{"role", "system"}, {"content", "be brief"}},
                                   User({Text("a fox"), Picture(DataUrl(kPngBytes))}),
                                   {{"role", "assistant"}, {"content", "done"}},
                                   User({Text("now blue"), Picture(DataUrl(kJpegBytes))})}));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.prompt, "now blue");
  const json params = json::parse(call->request.params);
  ASSERT_EQ(params["messages"].size(), 3u);
  EXPECT_EQ(params["messages"][1]["content"][1], Picture("input:0"));
  ASSERT_EQ(call->request.inputs.size(), 2u);
  EXPECT_EQ(call->request.inputs[0].role, "context");
  EXPECT_EQ(call->request.inputs[1].role, "image");
}

TEST(ReadChat, WhatStandsForAnImageIsNotTheCallersToWrite) {
  const json image = Picture(DataUrl(kPngBytes)), repeat = Picture("input:0"),
             bare = {{"type", "image_url"}, {"image_url", "input:12"}};
  const std::pair<json, const char*> cases[] = {
      {json::array({User({image, repeat}), User("x")}), "not 'input:0'"},
      {json::array({User(json::array({repeat})), User({Text("x"), image})}), "not 'input:0'"},
      {json::array({User(json::array({bare})), User("x")}), "not 'input:12'"},
      {json::array({User({Text("x"), image, repeat})}), "not 'input:0'"},
  };
  for (const auto& [messages, message] : cases) {
    const auto call = ReadBody(ChatOf(messages));
    ASSERT_FALSE(call) << messages;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << messages;
    EXPECT_EQ(call.error().param, "messages") << messages;
    EXPECT_THAT(call.error().message, HasSubstr(message)) << messages;
    EXPECT_THAT(call.error().message, HasSubstr("send the image itself")) << messages;
  }
  // What is no image's address says what it likes.
  EXPECT_TRUE(ReadBody(Chat({User({Text("input:0"), image}), User("input:0")})));
}

TEST(ReadChat, IdentityIsAllButDelivery) {
  const json plain = Chat({User("a fox")});
  const auto with = [&plain](const char* name, json value) {
    json body = plain;
    body[name] = std::move(value);
    return Compatibility(body);
  };
  const Digest same = Compatibility(plain);
  EXPECT_EQ(same, Compatibility(Chat({User("another prompt")})));
  EXPECT_EQ(same, with("stream", true));
  EXPECT_EQ(same, with("stream_options", {{"include_usage", true}}));
  EXPECT_EQ(same, with("modalities", {"text", "image"}));
  EXPECT_EQ(same, with("user", "u"));
  EXPECT_EQ(same, with("safety_identifier", "u"));
  EXPECT_EQ(same, with("metadata", {{"a", "b"}}));
  EXPECT_NE(same, with("model", "n"));
  EXPECT_NE(same, with("temperature", 0.5));
  EXPECT_NE(same, with("seed", 7));
  EXPECT_NE(same, with("image_config", {{"aspect_ratio", "16:9"}}));
  EXPECT_NE(same, Compatibility(Chat({User("hello"), User("a fox")})));
  EXPECT_NE(same, Compatibility(Chat({User({Text("a fox"), Picture(DataUrl(kPngBytes))})})));
  EXPECT_NE(Compatibility(Chat({User({Text("x"), Picture("https://h/a")})})),
            Compatibility(Chat({User({Text("x"), Picture("https://h/b")})})));
}

TEST(ReadChat, ReadsHowToDeliver) {
  json body = Chat({User("a fox")});
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  body["safety_identifier"] = "somebody";
  const auto call = ReadBody(body);
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->stream && call->include_usage);
  EXPECT_EQ(call->request.user, "somebody");
}

TEST(ReadChat, RefusesWhatIsWrong) {
  json many = json::array({Text("x")});
  for (int i = 0; i < 17; ++i) many.push_back(Picture(DataUrl(kPngBytes)));
  const std::pair<json, const char*> cases[] = {
      {json(), "a list"},
      {json::array(), "a list"},
      {json::array({5}), "must be the user's"},
      {json::array({5, User("x")}), "must be an object"},
      {json::array({{{"role", "assistant"}, {"content", "x"}}}), "must be the user's"},
      {json::array({User("  ")}), "has no text"},
      {json::array({User(nullptr)}), "has no text"},
      {json::array({User({Picture(DataUrl(kPngBytes))})}), "has no text"},
      {json::array({User({Text("x"), {{"type", "input_audio"}}})}), "input_audio"},
      {json::array({User({Text("x"), 5})}), "only, not 5"},
      {json::array({User({Text("x"), {{"type", 5}, {"image_url", 5}}})}), "only, not"},
      {json::array({User({Text("x"), {{"type", "image_url"}, {"image_url", {{"url", 5}}}}})}),
       "only, not"},
      {json::array({User({Text("x"), {{"type", "text"}, {"text", 5}}})}), "only, not"},
      {json::array({{{"role", 5}, {"content", "x"}}}), "must be the user's"},
      {json::array({User({Text("x"), Picture("data:image/png;base64,???")})}), "not valid base64"},
      {json::array({User({Text("x"), Picture("data:text/plain,hello")})}), "data URL must be"},
      {json::array({User({Text("x"), Picture(DataUrl("<html>"))})}), "holds HTML"},
      {json::array({User({Text("x"), Picture(DataUrl(""))})}), "holds nothing"},
      {json::array({User(many)}), "more than 16 images"},
  };
  for (const auto& [messages, message] : cases) {
    const auto call = ReadBody(ChatOf(messages));
    ASSERT_FALSE(call) << messages;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << messages;
    EXPECT_EQ(call.error().param, "messages") << messages;
    EXPECT_THAT(call.error().message, HasSubstr(message)) << messages;
  }
  json body = Chat({User("x")});
  body["stream"] = "yes";
  EXPECT_EQ(ReadBody(body).error().param, "stream");
}

}  // namespace
}  // namespace reprise
