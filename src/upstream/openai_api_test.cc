#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "upstream/image_api.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kOpenAiLimit = 1000;

http::ClientResponse OpenAiReply(int status, const std::string& body,
                                 const std::string& type = "application/json") {
  return {.status = status, .headers = {{"content-type", type}}, .body = body};
}

Result<http::ClientRequest> Compose(const GenerateRequest& request) {
  return MakeOpenAiApi()->Compose(request, std::chrono::seconds(60));
}

Result<ApiAnswer> Read(const http::ClientResponse& response) {
  return MakeOpenAiApi()->Read(response, kOpenAiLimit);
}

json Body(GenerateRequest request, int count = 1) {
  request.count = count;
  auto call = Compose(request);
  EXPECT_TRUE(call);
  EXPECT_EQ(call->url, "/images/generations");
  return json::parse(call->body);
}

TEST(OpenAiBody, CarriesEveryField) {
  EXPECT_EQ(Body({.model = "gpt-image-1",
                  .prompt = "a cat",
                  .width = 1536,
                  .height = 1024,
                  .seed = -7,
                  .params = R"({"quality":"high","background":"transparent"})",
                  .user = "u1"},
                 2),
            json::parse(R"({"model":"gpt-image-1","prompt":"a cat","n":2,"size":"1536x1024",
                            "seed":-7,"quality":"high","background":"transparent","user":"u1"})"));
}

TEST(OpenAiBody, LeavesOutWhatIsNotSet) {
  EXPECT_EQ(Body({.model = "m", .prompt = "p"}),
            json::parse(R"({"model":"m","prompt":"p","n":1})"));
  EXPECT_EQ(Body({.model = "m", .prompt = "p", .params = R"({"size":"auto"})"})["size"], "auto");
}

TEST(OpenAiBody, AsksForBase64WhereThatIsAllowed) {
  for (const char* model : {"dall-e-2", "dall-e-3", "openai/dall-e-3"}) {
    EXPECT_EQ(Body({.model = model, .prompt = "p"})["response_format"], "b64_json") << model;
  }
  for (const char* model : {"gpt-image-1", "gpt-image-1-mini", "flux"}) {
    const json body =
        Body({.model = model, .prompt = "p", .params = R"({"response_format":"url"})"});
    EXPECT_FALSE(body.contains("response_format")) << model;
  }
}

TEST(OpenAiBody, ParametersCannotReplaceTheRequest) {
  const json body = Body(
      {.model = "m", .prompt = "p", .params = R"({"model":"x","prompt":"y","n":9,"stream":true})"});
  EXPECT_EQ(body, json::parse(R"({"model":"m","prompt":"p","n":1})"));
}

TEST(OpenAiBody, OddTextIsSentAsValidJson) {
  EXPECT_EQ(Body({.model = "m", .prompt = "\xFF\"\n"})["prompt"], "\uFFFD\"\n");
  for (const char* params : {"", "[]", "null", "{", "1"}) {
    auto body = Compose({.model = "m", .prompt = "p", .params = params});
    ASSERT_FALSE(body) << params;
    EXPECT_EQ(body.error().code, Code::kInvalidArgument);
  }
}

TEST(OpenAiAnswer, ReadsBytesLinksAndUsage) {
  auto answer =
      Read(OpenAiReply(200, R"({"data":[{"b64_json":"YWJj","url":null,"revised_prompt":"better"},
                             {"url":"https://host/i.png?sig=1"},
                             {"url":"data:image/png;base64,ZGVm"}],"usage":{"total_tokens":3}})"));
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->images.size(), 3u);
  EXPECT_EQ(answer->images[0].bytes, "abc");
  EXPECT_EQ(answer->images[0].revised_prompt, "better");
  EXPECT_EQ(answer->images[1].link, "https://host/i.png?sig=1");
  EXPECT_EQ(answer->images[2].bytes, "def");
  EXPECT_EQ(answer->usage, R"({"total_tokens":3})");
}

TEST(OpenAiAnswer, UnusableAnswersNameWhatCame) {
  const std::pair<http::ClientResponse, const char*> cases[] = {
      {OpenAiReply(200, "<html>\n<title>Sign in</title>", "text/html"),
       "text/html, 29 bytes: <html><title>Sign in</title>"},
      {OpenAiReply(200, ""), "0 bytes"},
      {OpenAiReply(200, "{"), "1 bytes: {"},
      {OpenAiReply(200, "[]"), "not a list of images"},
      {OpenAiReply(200, R"({"ok":true})"), R"({"ok":true})"},
      {OpenAiReply(200, R"({"data":{}})"), "not a list of images"},
      {OpenAiReply(200, R"({"data":[]})"), "empty"},
      {OpenAiReply(200, R"({"data":[{}]})"), "neither b64_json nor a usable url"},
      {OpenAiReply(200, R"({"data":["x"]})"), "neither b64_json nor a usable url"},
      {OpenAiReply(200, R"({"data":[{"b64_json":7}]})"), "neither b64_json nor a usable url"},
      {OpenAiReply(200, R"({"data":[{"url":"file:///etc/passwd"}]})"),
       "neither b64_json nor a usable"},
      {OpenAiReply(200, R"({"data":[{"b64_json":"???"}]})"), "not valid base64"},
      {OpenAiReply(200, R"({"data":[{"b64_json":""}]})"), "neither b64_json nor a usable url"},
      {OpenAiReply(200, R"({"data":[{"url":"data:image/png;base64,"}]})"), "empty image"},
      {OpenAiReply(200, R"({"data":[{"url":"data:nothing"}]})"), "not valid base64"},
  };
  for (const auto& [response, what] : cases) {
    auto answer = Read(response);
    ASSERT_FALSE(answer) << response.body;
    EXPECT_EQ(answer.error().code, Code::kBadUpstream) << response.body;
    EXPECT_THAT(answer.error().message, HasSubstr(what));
  }
}

TEST(OpenAiAnswer, ImagesAreLimited) {
  const auto answer_of = [](std::size_t size) {
    return OpenAiReply(
        200, json({{"data", {{{"b64_json", Base64Encode(std::string(size, 'x'))}}}}}).dump());
  };
  EXPECT_TRUE(Read(answer_of(kOpenAiLimit)));
  auto large = Read(answer_of(kOpenAiLimit + 1));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kTooLarge);
}

GenerateInput Png(const char* bytes, const char* role = "image") {
  return {.role = role, .bytes = ShareBytes(bytes), .media_type = "image/png"};
}

TEST(OpenAiForm, EditsCarryEveryImageAndTheMask) {
  auto call = Compose({.model = "gpt-image-1",
                       .operation = "edit",
                       .inputs = {Png("one"), Png("two"), Png("hole", "mask")},
                       .prompt = "a \"hat\"",
                       .count = 2,
                       .width = 1024,
                       .height = 1536,
                       .params = R"({"quality":"low","stream":true,"none":null})"});
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->method + " " + call->url, "POST /images/edits");
  const std::string parts[] = {
      "name=\"prompt\"\r\n\r\na \"hat\"\r\n",
      "name=\"n\"\r\n\r\n2\r\n",
      "name=\"size\"\r\n\r\n1024x1536\r\n",
      "name=\"quality\"\r\n\r\nlow\r\n",
      "name=\"image[]\"; filename=\"image1.png\"\r\nContent-Type: image/png\r\n\r\none\r\n",
      "name=\"image[]\"; filename=\"image2.png\"\r\nContent-Type: image/png\r\n\r\ntwo\r\n",
      "name=\"mask\"; filename=\"image3.png\"\r\nContent-Type: image/png\r\n\r\nhole\r\n"};
  for (const std::string& part : parts) EXPECT_THAT(call->body, HasSubstr(part));
  EXPECT_THAT(call->body, Not(HasSubstr("stream")));
  EXPECT_THAT(call->body, Not(HasSubstr("none")));
}

TEST(OpenAiForm, ReferenceImagesMakeAGenerationAnEdit) {
  auto call = Compose({.model = "gpt-image-1", .inputs = {Png("one")}, .prompt = "p"});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->url, "/images/edits");
}

TEST(OpenAiForm, DallEIsSentOneImage) {
  auto call = Compose(
      {.model = "dall-e-2", .operation = "variation", .inputs = {Png("one")}, .prompt = "unused"});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->url, "/images/variations");
  EXPECT_THAT(call->body, HasSubstr("name=\"image\"; filename"));
  EXPECT_THAT(call->body, HasSubstr("name=\"response_format\"\r\n\r\nb64_json\r\n"));
  EXPECT_THAT(call->body, Not(HasSubstr("prompt")));
}

TEST(OpenAiForm, AnEditNeedsAnImage) {
  auto call = Compose({.model = "gpt-image-1", .operation = "edit", .prompt = "p"});
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace reprise
