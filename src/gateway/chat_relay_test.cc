#include "gateway/chat_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway/chat_writer.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

http::Request Asked() {
  http::Request request;
  request.headers = {{"Host", "gateway"},
                     {"Authorization", "Bearer caller"},
                     {"Cookie", "session=1"},
                     {"Content-Length", "5"},
                     {"Connection", "X-Mine, close"},
                     {"X-Mine", "1"},
                     {"TE", "trailers"},
                     {"Proxy-Authorization", "Basic x"},
                     {"X-Reprise-TTL", "5"},
                     {"Accept", "text/event-stream"},
                     {"Expect", "100-continue"},
                     {"X-Title", "app"}};
  return request;
}

TEST(ForwardedHeaders, AreAllButTheConnectionsOwn) {
  EXPECT_THAT(ForwardedHeaders(Asked(), {}),
              UnorderedElementsAre(Pair("Authorization", "Bearer caller"),
                                   Pair("Cookie", "session=1"), Pair("Accept", "text/event-stream"),
                                   Pair("X-Title", "app"), Pair("Via", "1.1 reprise")));
}

TEST(ForwardedHeaders, AConfiguredKeyReplacesTheCallersCredentials) {
  const auto headers = ForwardedHeaders(Asked(), {.url = "http://h", .api_key = "own"});
  EXPECT_THAT(headers, Contains(Pair("Authorization", "Bearer own")));
  EXPECT_THAT(headers, Not(Contains(Pair("Authorization", "Bearer caller"))));
  EXPECT_THAT(headers, Not(Contains(Key("Cookie"))));
}

TEST(ForwardedHeaders, AKeyOfTheGatewayStaysHere) {
  http::Request request = Asked();
  request.headers.emplace_back("X-Api-Key", "rpk_1");
  request.caller = std::make_shared<const http::Caller>();
  const auto headers = ForwardedHeaders(request, {});
  for (const char* name : {"Authorization", "X-Api-Key", "Cookie"}) {
    EXPECT_THAT(headers, Not(Contains(Key(name))));
  }
  EXPECT_THAT(headers, Contains(Key("X-Title")));
}

TEST(ForwardedHeaders, AKeyOfTheGatewayStaysHereAlsoWhereNoneIsNeeded) {
  http::Request request;
  request.headers = {{"Authorization", "Bearer rpk_1"}, {"X-Api-Key", "rpk_1"}, {"Cookie", "a=1"}};
  const auto headers = ForwardedHeaders(request, {});
  for (const char* name : {"Authorization", "X-Api-Key"}) {
    EXPECT_THAT(headers, Not(Contains(Key(name))));
  }
  EXPECT_THAT(headers, Contains(Key("Cookie")));
}

TEST(RelayedHeaders, AreAllButTheConnectionsOwn) {
  EXPECT_THAT(RelayedHeaders({{"content-type", "text/event-stream"},
                              {"transfer-encoding", "chunked"},
                              {"connection", "keep-alive, x-hop"},
                              {"x-hop", "1"},
                              {"keep-alive", "timeout=5"},
                              {"content-length", "7"},
                              {"content-encoding", "gzip"},
                              {"date", "now"},
                              {"x-request-id", "7"}}),
              UnorderedElementsAre(Pair("content-type", "text/event-stream"),
                                   Pair("content-encoding", "gzip"), Pair("x-request-id", "7"),
                                   Pair("via", "1.1 reprise")));
}

Reply OneImage() {
  ServedImage image{.bytes = ShareBytes("abc"),
                    .name = "",
                    .media_type = "image/png",
                    .etag = "",
                    .revised_prompt = "Here it is."};
  return {.images = {std::move(image)}, .usage = "", .created_ms = 5000};
}

TEST(WriteChat, HasPicturesTextAndUsage) {
  ChatReply chat{.reply = OneImage(), .model = "m"};
  chat.reply.usage = R"({"input_tokens":3,"output_tokens":4,"total_tokens":7})";
  const auto response = WriteChat(chat, {});
  EXPECT_THAT(response.headers, Contains(Pair("X-Cache", "MISS")));
  const json body = json::parse(response.BodyView());
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["created"], 5);
  ASSERT_EQ(body["choices"].size(), 1u);
  EXPECT_EQ(body["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(body["choices"][0]["message"]["content"], "Here it is.");
  EXPECT_EQ(body["choices"][0]["message"]["images"][0]["image_url"]["url"],
            "data:image/png;base64,YWJj");
  EXPECT_EQ(body["usage"],
            json::parse(R"({"prompt_tokens":3,"completion_tokens":4,"total_tokens":7})"));
  chat.reply.usage.clear();
  EXPECT_EQ(json::parse(WriteChat(chat, {}).BodyView())["usage"]["total_tokens"], 0);
}

TEST(WriteChat, EachImageIsAChoice) {
  ChatReply chat{.reply = OneImage(), .model = "m"};
  chat.reply.images.push_back(chat.reply.images.front());
  const json body = json::parse(WriteChat(chat, {}).BodyView());
  ASSERT_EQ(body["choices"].size(), 2u);
  EXPECT_EQ(body["choices"][1]["index"], 1);
}

Task<> ReadAll(std::shared_ptr<http::BodyStream> stream, std::string* all) {
  while (true) {
    const auto piece = co_await stream->Next();
    if (!piece || !*piece) co_return;
    *all += **piece;
  }
}

// The data of each event.
std::vector<std::string> Events(const http::Response& response) {
  asio::io_context context;
  std::string all;
  Spawn(context.get_executor(), ReadAll(response.Stream(), &all), [](std::exception_ptr) {});
  context.run();
  std::vector<std::string> events;
  while (!all.empty()) {
    const auto end = all.find("\n\n");
    EXPECT_TRUE(all.starts_with("data: "));
    events.push_back(all.substr(6, end - 6));
    all.erase(0, end + 2);
  }
  return events;
}

TEST(StreamChat, SendsTextPicturesAndTheEnd) {
  const auto events =
      Events(StreamChat({.reply = OneImage(), .model = "m", .include_usage = true}, {}));
  ASSERT_EQ(events.size(), 5u);
  const json text = json::parse(events[0]), image = json::parse(events[1]),
             end = json::parse(events[2]), usage = json::parse(events[3]);
  EXPECT_EQ(text["object"], "chat.completion.chunk");
  EXPECT_EQ(text["choices"][0]["delta"],
            json::parse(R"({"role":"assistant","content":"Here it is."})"));
  EXPECT_EQ(image["choices"][0]["delta"]["images"][0]["image_url"]["url"],
            "data:image/png;base64,YWJj");
  EXPECT_EQ(end["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(usage["choices"], json::array());
  EXPECT_EQ(usage["usage"]["total_tokens"], 0);
  EXPECT_EQ(text["id"], usage["id"]);
  EXPECT_EQ(events[4], "[DONE]");
}

TEST(StreamChat, SendsUsageOnlyWhenAskedFor) {
  const auto events = Events(StreamChat({.reply = OneImage(), .model = "m"}, {}));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[3], "[DONE]");
}

}  // namespace
}  // namespace reprise
