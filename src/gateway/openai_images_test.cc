#include "gateway/openai_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

Result<ImageCall> ReadImages(const std::string& body, OpenAiSettings settings = {}) {
  http::Request request;
  request.body = body;
  return ReadGeneration(request, settings);
}

ImageRequest RequestOf(const std::string& body) {
  auto call = ReadImages(body);
  EXPECT_TRUE(call) << body << ": " << call.error().message;
  return call ? call->request : ImageRequest{};
}

TEST(ReadGeneration, FillsInWhatIsLeftOut) {
  const auto call = ReadImages(R"({"prompt":"a fox"})");
  ASSERT_TRUE(call);
  const ImageRequest& request = call->request;
  EXPECT_FALSE(call->as_url);
  EXPECT_EQ(request.prompt, "a fox");
  EXPECT_EQ(request.model, "gpt-image-1");
  EXPECT_EQ(request.count, 1);
  EXPECT_TRUE(request.size.automatic());
  EXPECT_FALSE(request.seed || request.fresh_seed);
  EXPECT_EQ(request.params, "{}");
  EXPECT_FALSE(request.delivery.format);
  EXPECT_TRUE(request.delivery.bytes);
}

TEST(ReadGeneration, ReadsEveryParameter) {
  const auto call = ReadImages(R"({"prompt":"a fox","model":"m","n":3,"size":"512x768","seed":7,
    "response_format":"url","output_format":"webp","output_compression":60,"user":"u",
    "quality":"high","style":{"z":1,"a":2},"cache":{"ttl":5,"tags":["t"]},"stream":false,
    "partial_images":2})");
  ASSERT_TRUE(call) << call.error().message;
  const ImageRequest& request = call->request;
  EXPECT_TRUE(call->as_url);
  EXPECT_FALSE(request.delivery.bytes);
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.count, 3);
  EXPECT_EQ(request.size, (ImageSize{512, 768}));
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.delivery.format, ImageFormat::kWebp);
  EXPECT_EQ(request.delivery.quality, 60);
  EXPECT_EQ(request.user, "u");
  EXPECT_EQ(request.control.ttl_ms, 5000);
  EXPECT_THAT(request.tags, ::testing::ElementsAre("t"));
  EXPECT_EQ(request.params, R"({"quality":"high","style":{"a":2,"z":1}})");
}

TEST(ReadGeneration, NullIsAsGoodAsLeftOut) {
  const ImageRequest request =
      RequestOf(R"({"prompt":"a fox","model":null,"n":null,"size":null,"seed":null,"cache":null,
                  "quality":null,"stream":null,"response_format":null})");
  EXPECT_EQ(request.model, "gpt-image-1");
  EXPECT_EQ(request.params, "{}");
}

TEST(ReadGeneration, DallEHasItsOwnDefaults) {
  for (const auto model : {"dall-e-2", "dall-e-3"}) {
    const auto call = ReadImages(json{{"prompt", "x"}, {"model", model}}.dump());
    EXPECT_TRUE(call->as_url);
    EXPECT_EQ(call->request.size, (ImageSize{1024, 1024}));
  }
  EXPECT_FALSE(
      ReadImages(R"({"prompt":"x","model":"dall-e-3","response_format":"b64_json"})")->as_url);
  EXPECT_TRUE(RequestOf(R"({"prompt":"x","model":"dall-e-3","size":"auto"})").size.automatic());
}

TEST(ReadGeneration, Seeds) {
  EXPECT_TRUE(RequestOf(R"({"prompt":"x","seed":-1})").fresh_seed);
  EXPECT_FALSE(RequestOf(R"({"prompt":"x","seed":-1})").seed);
  EXPECT_EQ(RequestOf(R"({"prompt":"x","seed":0})").seed, 0);
  EXPECT_EQ(RequestOf(R"({"prompt":"x","seed":9223372036854775797})").seed, INT64_MAX - 10);
}

TEST(ReadGeneration, PromptsKeepTheirText) {
  EXPECT_EQ(RequestOf(R"({"prompt":" a\tfox\n"})").prompt, " a\tfox\n");
  EXPECT_EQ(RequestOf("{\"prompt\":\"\xE8\xB5\xA4\xE3\x81\x84\xE8\xBB\x8A\"}").prompt,
            "\xE8\xB5\xA4\xE3\x81\x84\xE8\xBB\x8A");
  EXPECT_EQ(RequestOf("{\"prompt\":\"\xF0\x9F\x90\xB1\"}").prompt, "\xF0\x9F\x90\xB1");
  EXPECT_EQ(RequestOf(R"({"prompt":"?"})").prompt, "?");
}

TEST(ReadGeneration, RefusesPromptsThatShowNothing) {
  for (const auto text : {R"("")", R"(" \t\r\n")", R"("\u00a0\u3000\u2003")", R"("\u200b\ufeff")",
                          R"("\u0000\u0001")", R"("\u2028\u0085")"}) {
    const auto call = ReadImages(std::string("{\"prompt\":") + text + "}");
    ASSERT_FALSE(call) << text;
    EXPECT_EQ(call.error().param, "prompt");
  }
}

TEST(ReadGeneration, CountsCharactersNotBytes) {
  const OpenAiSettings settings{.prompt_chars = 3};
  EXPECT_TRUE(ReadImages("{\"prompt\":\"\xE8\xB5\xA4\xE8\xB5\xA4\xE8\xB5\xA4\"}", settings));
  const auto call = ReadImages(R"({"prompt":"abcd"})", settings);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().message, "'prompt' has 4 characters; at most 3 are accepted");
}

TEST(ReadGeneration, RefusesWhatIsWrongByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "prompt"},
      {R"({"prompt":null})", "prompt"},
      {R"({"prompt":["x"]})", "prompt"},
      {R"({"prompt":"x","model":5})", "model"},
      {R"({"prompt":"x","n":0})", "n"},
      {R"({"prompt":"x","n":11})", "n"},
      {R"({"prompt":"x","n":1.0})", "n"},
      {R"({"prompt":"x","size":1024})", "size"},
      {R"({"prompt":"x","size":"big"})", "size"},
      {R"({"prompt":"x","seed":-2})", "seed"},
      {R"({"prompt":"x","seed":"7"})", "seed"},
      {R"({"prompt":"x","response_format":"URL"})", "response_format"},
      {R"({"prompt":"x","output_format":"gif"})", "output_format"},
      {R"({"prompt":"x","output_compression":101})", "output_compression"},
      {R"({"prompt":"x","output_compression":-1})", "output_compression"},
      {R"({"prompt":"x","stream":true,"response_format":"url"})", "response_format"},
      {R"({"prompt":"x","partial_images":4})", "partial_images"},
      {R"({"prompt":"x","partial_images":-1})", "partial_images"},
      {R"({"prompt":"x","stream":"no"})", "stream"},
      {R"({"prompt":"x","cache":{"ttl":0}})", "cache.ttl"},
      {R"({"prompt":"x","user":{}})", "user"},
  };
  for (const auto& [body, param] : cases) {
    const auto call = ReadImages(body);
    ASSERT_FALSE(call) << body;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << body;
    EXPECT_EQ(call.error().param, param) << body;
  }
}

// An entry keeps them in memory.
TEST(ReadGeneration, RefusesParametersThatAreTooMuchToKeep) {
  const auto read = [](std::string_view key, std::size_t bytes) {
    return ReadGenerationBody(
        "{\"prompt\":\"a fox\",\"" + std::string(key) + "\":\"" + std::string(bytes, 'x') + "\"}",
        Dialect::kNative, {});
  };
  EXPECT_TRUE(read("image", 4'000'000));
  const auto call = read("image", 4u << 20);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
  for (const char* name : {"model", "user", "category"}) {
    EXPECT_TRUE(read(name, 1000)) << name;
    EXPECT_FALSE(read(name, 1001)) << name;
  }
}

TEST(ReadGeneration, HeadersTightenWhatTheBodySays) {
  const std::string body = R"({"prompt":"x","cache":{"ttl":60}})";
  http::Request request;
  request.body = body;
  request.headers = {{"X-Reprise-TTL", "5"}, {"Cache-Control", "no-store"}};
  const auto call = ReadGeneration(request, {});
  EXPECT_EQ(call->request.control.ttl_ms, 5000);
  EXPECT_TRUE(call->request.control.no_store);
  request.headers = {{"X-Reprise-TTL", "soon"}};
  EXPECT_FALSE(ReadGeneration(request, {}));
}

TEST(ParseSize, Table) {
  EXPECT_EQ(*ParseSize("1024x1536", 4096), (ImageSize{1024, 1536}));
  EXPECT_EQ(*ParseSize("16x4096", 4096), (ImageSize{16, 4096}));
  EXPECT_EQ(*ParseSize("0064x64", 4096), (ImageSize{64, 64}));
  EXPECT_TRUE(ParseSize("auto", 4096)->automatic());
  for (const auto text : {"",
                          "x",
                          "1024",
                          "1024x",
                          "x1024",
                          "1024X1024",
                          "1024x1024x1",
                          " 1024x1024",
                          "1024x1024 ",
                          "1024 x1024",
                          "-64x64",
                          "64x-64",
                          "+64x64",
                          "64x+64",
                          "15x64",
                          "64x15",
                          "0x0",
                          "4097x64",
                          "64x4097",
                          "6.4x64",
                          "1e3x64",
                          "99999999999x64",
                          "AUTO",
                          "64\xC3\x97"
                          "64"}) {
    const auto size = ParseSize(text, 4096);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().param, "size");
    EXPECT_THAT(size.error().message, HasSubstr("from 16 to 4096"));
  }
  EXPECT_LT(ParseSize(std::string(10'000, '9'), 4096).error().message.size(), 250u);
}

ServedImage Image(std::string bytes, std::string name = "id.png") {
  return {.bytes = ShareBytes(std::move(bytes)),
          .name = std::move(name),
          .media_type = "image/png",
          .etag = "\"tag\"",
          .revised_prompt = ""};
}

json Written(const Reply& reply, bool as_url = false, Decision decision = {}) {
  const auto response = WriteImages(reply, decision, as_url, "http://h:1");
  EXPECT_EQ(response.status, 200);
  return json::parse(response.BodyView());
}

TEST(WriteImages, AsBytes) {
  Reply reply{.images = {Image("abc"), Image(std::string("\0\xff", 2))},
              .usage = "",
              .created_ms = 1'700'000'000'999};
  EXPECT_EQ(Written(reply), json::parse(R"({"created":1700000000,
    "data":[{"b64_json":"YWJj"},{"b64_json":"AP8="}]})"));
}

TEST(WriteImages, AsLinks) {
  Reply reply{.images = {Image("abc"), Image("abc", "")}, .usage = "", .created_ms = 0};
  reply.images[0].bytes = nullptr;
  EXPECT_EQ(Written(reply, true)["data"], json::parse(R"([{"url":"http://h:1/images/id.png"},
    {"url":"data:image/png;base64,YWJj"}])"));
}

TEST(WriteImages, RevisedPromptsAreEscaped) {
  Reply reply{.images = {Image("a"), Image("b")}, .usage = "", .created_ms = 0};
  reply.images[0].revised_prompt = "say \"}\"\n\xff";
  const json body = Written(reply);
  EXPECT_EQ(body["data"][0]["revised_prompt"], "say \"}\"\n\xEF\xBF\xBD");
  EXPECT_FALSE(body["data"][1].contains("revised_prompt"));
}

TEST(WriteImages, AHitUsedNoTokens) {
  Reply reply{.images = {Image("a")}, .usage = "", .created_ms = 0};
  EXPECT_EQ(Written(reply, false, {.outcome = Outcome::kHit})["usage"]["total_tokens"], 0);
  EXPECT_FALSE(Written(reply).contains("usage"));
  reply.usage = R"({"total_tokens":9})";
  EXPECT_EQ(Written(reply)["usage"]["total_tokens"], 9);
}

TEST(WriteImages, ExplainsItselfAndTagsASingleImage) {
  Reply reply{.images = {Image("a")}, .usage = "", .created_ms = 0};
  auto response = WriteImages(reply, {}, false, "http://h:1");
  EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"tag\"")));
  EXPECT_THAT(response.headers, Contains(Pair("X-Cache", "MISS")));
  reply.images.push_back(Image("b"));
  response = WriteImages(reply, {}, false, "http://h:1");
  EXPECT_THAT(response.headers, Not(Contains(Key("ETag"))));
}

std::string BodyOf(const http::Response& response) {
  const auto* file = std::get_if<http::FileBody>(&response.body);
  return file ? file->before + std::string(file->file->view()) : std::string(response.BodyView());
}

TEST(WriteImages, AHitsBase64IsKeptAndSentFromThere) {
  BytesCache replies(64u << 20);
  const Decision hit{.outcome = Outcome::kHit};
  Reply reply{.images = {Image("a")}, .usage = "", .created_ms = 1'000};
  reply.images.front().bytes = ShareBytes(std::string(BytesCache::kMinFile, 'x'));
  const auto plain = WriteImages(reply, hit, false, "http://h:1");
  EXPECT_EQ(BodyOf(WriteImages(reply, hit, false, "http://h:1", &replies)), plain.BodyView());
  const auto again = WriteImages(reply, hit, false, "http://h:1", &replies);
  EXPECT_TRUE(std::holds_alternative<http::FileBody>(again.body));
  EXPECT_EQ(BodyOf(again), plain.BodyView());
  EXPECT_EQ(again.BodySize(), plain.BodySize());
  EXPECT_EQ(again.headers, plain.headers);
  reply.created_ms = 2'000;  // told anew each time
  EXPECT_EQ(BodyOf(WriteImages(reply, hit, false, "http://h:1", &replies)),
            WriteImages(reply, hit, false, "http://h:1").BodyView());
}

TEST(WriteImages, OnlyOneStoredImageOfAHitIsKept) {
  BytesCache replies(64u << 20);
  const Decision hit{.outcome = Outcome::kHit};
  Reply reply{.images = {Image("a")}, .usage = "", .created_ms = 0};
  reply.images.front().bytes = ShareBytes(std::string(BytesCache::kMinFile, 'x'));
  const auto kept = [&](const Reply& reply, const Decision& decision, bool as_url) {
    (void)WriteImages(reply, decision, as_url, "http://h:1", &replies);
    const auto response = WriteImages(reply, decision, as_url, "http://h:1", &replies);
    return std::holds_alternative<http::FileBody>(response.body);
  };
  EXPECT_FALSE(kept(reply, {}, false));
  EXPECT_FALSE(kept(reply, hit, true));
  Reply with_usage = reply, two = reply, not_stored = reply;
  with_usage.usage = "{}";
  two.images.push_back(reply.images.front());
  not_stored.images.front().name.clear();
  for (const Reply& other : {with_usage, two, not_stored}) EXPECT_FALSE(kept(other, hit, false));
  EXPECT_EQ(replies.size_bytes(), 0u);
  EXPECT_TRUE(kept(reply, hit, false));
}

TEST(WriteImages, NoImagesAreAnEmptyList) {
  EXPECT_EQ(Written({}), json::parse(R"({"created":0,"data":[]})"));
}

// What a stream sends until it ends.
std::vector<json> StreamedEvents(const http::Response& response) {
  asio::io_context context;
  std::vector<json> events;
  const auto read = [](std::shared_ptr<http::BodyStream> stream,
                       std::vector<json>* events) -> Task<> {
    while (true) {
      const auto piece = co_await stream->Next();
      EXPECT_TRUE(piece);
      if (!piece || !*piece) co_return;
      const std::string& text = **piece;
      const auto data = text.find("data: ");
      events->push_back(json::parse(text.substr(data + 6)));
      EXPECT_EQ(text.substr(0, data), "event: " + events->back()["type"].get<std::string>() + "\n");
    }
  };
  Spawn(context.get_executor(), read(response.Stream(), &events), [](std::exception_ptr) {});
  context.run();
  return events;
}

TEST(ReadGeneration, StreamsCarryBytes) {
  const auto call =
      ReadImages(R"({"prompt":"x","model":"dall-e-3","stream":true,"partial_images":3})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->stream);
  EXPECT_EQ(call->partial_images, 3);
  EXPECT_FALSE(call->as_url);
  EXPECT_TRUE(call->request.delivery.bytes);
}

TEST(StreamImages, AHitSendsThePartialsAskedForThenTheFinishedImage) {
  const Reply reply{.images = {Image("abc")}, .usage = "", .created_ms = 5000};
  const ImageRequest request{.size = {512, 768}, .params = R"({"quality":"high"})"};
  const auto response = StreamImages(reply, {.outcome = Outcome::kHit}, request, 2);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers, Contains(Pair("X-Cache", "HIT")));
  EXPECT_THAT(response.headers, Contains(Pair("Content-Type", "text/event-stream; charset=utf-8")));
  const auto events = StreamedEvents(response);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0], json::parse(R"({"type":"image_generation.partial_image","b64_json":"YWJj",
    "created_at":5,"size":"512x768","quality":"high","background":"auto","output_format":"png",
    "partial_image_index":0})"));
  EXPECT_EQ(events[1]["partial_image_index"], 1);
  EXPECT_EQ(events[2]["type"], "image_generation.completed");
  EXPECT_EQ(events[2]["usage"]["total_tokens"], 0);
  EXPECT_FALSE(events[2].contains("partial_image_index"));
}

TEST(StreamImages, AMissSendsEachFinishedImageOnce) {
  const Reply reply{
      .images = {Image("abc"), Image("def")}, .usage = R"({"total_tokens":9})", .created_ms = 0};
  const ImageRequest request{.operation = "edit"};
  const auto events = StreamedEvents(StreamImages(reply, {}, request, 3));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["type"], "image_edit.completed");
  EXPECT_FALSE(events[0].contains("usage"));
  EXPECT_EQ(events[1]["b64_json"], "ZGVm");
  EXPECT_EQ(events[1]["usage"]["total_tokens"], 9);
}

TEST(NativeDialect, DoesNotStream) {
  const auto call = ReadGenerationBody(R"({"prompt":"a fox","stream":true})", Dialect::kNative, {});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "stream");
}

TEST(NativeDialect, TakesTagsCategoryAndPreference) {
  const auto call = ReadGenerationBody(
      R"({"prompt":"a fox","tags":["hero","web"],"category":"icons","prefer":"speed"})",
      Dialect::kNative, {});
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.tags, (std::vector<std::string>{"hero", "web"}));
  EXPECT_EQ(call->request.category, "icons");
  EXPECT_EQ(call->request.prefer, Preference::kSpeed);
  EXPECT_TRUE(call->as_url);
  for (const auto body : {R"({"prompt":"a","tags":"hero"})", R"({"prompt":"a","tags":[""]})",
                          R"({"prompt":"a","prefer":"best"})", R"({"prompt":"a","category":1})"}) {
    EXPECT_FALSE(ReadGenerationBody(body, Dialect::kNative, {})) << body;
  }
}

// An entry keeps them in memory, and a row of the store for each.
TEST(ReadGenerationBody, BoundsTagsWhereverTheyStand) {
  const auto read = [](int tags, int cache_tags, std::size_t length = 1) {
    nlohmann::json body = {{"prompt", "a"}, {"tags", nlohmann::json::array()}};
    for (int i = 0; i < tags; ++i) body["tags"].push_back(std::string(length, 't'));
    for (int i = 0; i < cache_tags; ++i) body["cache"]["tags"].push_back(std::string(length, 't'));
    return ReadGenerationBody(body.dump(), Dialect::kNative, {});
  };
  EXPECT_TRUE(read(16, 16, 100));
  EXPECT_FALSE(read(17, 16));
  EXPECT_FALSE(read(0, 33));
  EXPECT_FALSE(read(0, 1, 101));
  EXPECT_FALSE(read(0, 1, 0));
}

TEST(ReadGenerationBody, LeavesRoomForTheSeedsThatFollow) {
  EXPECT_TRUE(
      ReadGenerationBody(R"({"prompt":"a","seed":9223372036854775797})", Dialect::kOpenAi, {}));
  EXPECT_FALSE(
      ReadGenerationBody(R"({"prompt":"a","seed":9223372036854775807})", Dialect::kOpenAi, {}));
}

}  // namespace
}  // namespace reprise
