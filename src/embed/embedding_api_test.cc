#include "embed/embedding_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "embed/embedded_text.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using Texts = std::vector<std::string>;

constexpr const char* kKey = "sk-very-secret";

std::unique_ptr<EmbeddingApi> OpenAi(OpenAiEmbeddingOptions options = {}) {
  if (options.url.empty()) options.url = "http://e/v1/";
  if (options.model.empty()) options.model = "m";
  auto api = MakeOpenAiEmbeddingApi(std::move(options));
  EXPECT_TRUE(api) << api.error().message;
  return std::move(*api);
}

std::unique_ptr<EmbeddingApi> Cloudflare() {
  auto api = MakeCloudflareEmbeddingApi({.api_key = kKey, .account = "a1"});
  EXPECT_TRUE(api) << api.error().message;
  return std::move(*api);
}

std::string Refusal(const EmbeddingApi& api, std::string_view body, std::size_t count) {
  auto read = api.Read(body, count);
  EXPECT_FALSE(read) << body;
  if (read) return "";
  EXPECT_EQ(read.error().code, Code::kBadUpstream);
  return read.error().message;
}

std::string Base64Of(const std::vector<float>& floats) {
  return Base64Encode(
      {reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)});
}

TEST(OpenAiEmbeddingApi, SendsModelTextsAndKey) {
  const auto api = OpenAi({.api_key = kKey});
  const auto request = api->Request(Texts{"a cat", "日本\"\xff"});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "http://e/v1/embeddings");
  EXPECT_EQ(json::parse(request.body),
            (json{{"model", "m"}, {"input", {"a cat", "日本\"\xef\xbf\xbd"}}}));
  EXPECT_THAT(request.headers, ::testing::Contains(std::pair<std::string, std::string>(
                                   "Authorization", "Bearer sk-very-secret")));
  EXPECT_THAT(OpenAi()->Request(Texts{"a"}).headers, ::testing::SizeIs(2));
}

TEST(OpenAiEmbeddingApi, SendsWhatIsAskedForAndNamesItInTheIdentity) {
  const auto plain = OpenAi();
  EXPECT_EQ(plain->identity(), "openai/m");
  EXPECT_EQ(plain->dimensions(), 0u);
  const auto sized = OpenAi({.dimensions = 512, .base64 = true});
  EXPECT_EQ(sized->identity(), "openai/m/512");
  EXPECT_EQ(sized->dimensions(), 512u);
  const json body = json::parse(sized->Request(Texts{"a"}).body);
  EXPECT_EQ(body["dimensions"], 512);
  EXPECT_EQ(body["encoding_format"], "base64");
  // Neither the host nor the transport makes other vectors.
  EXPECT_EQ(OpenAi({.url = "https://elsewhere/v1", .dimensions = 512})->identity(),
            sized->identity());
}

TEST(OpenAiEmbeddingApi, ReadsNumbersAndBase64InTheOrderOfTheIndex) {
  const json answer = {{"data",
                        {{{"index", 1}, {"embedding", {0, 3, 4}}},
                         {{"index", 0}, {"embedding", Base64Of({2, 0, 0})}}}}};
  const auto read = OpenAi()->Read(answer.dump(), 2);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)[0], (Embedding{1, 0, 0}));
  EXPECT_EQ((*read)[1], (Embedding{0, 0.6f, 0.8f}));
  const auto unnumbered = OpenAi()->Read(R"({"data":[{"embedding":[1]},{"embedding":[-2]}]})", 2);
  ASSERT_TRUE(unnumbered);
  EXPECT_EQ((*unnumbered)[1], Embedding{-1});
}

TEST(OpenAiEmbeddingApi, RefusesAnswersThatAreNotWhatWasAskedFor) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::tuple<std::string, std::size_t, const char*> cases[] = {
      {"", 1, "no list 'data'"},
      {"<html>", 1, "no list 'data'"},
      {"[]", 1, "no list 'data'"},
      {R"({"data":7})", 1, "no list 'data'"},
      {R"({"data":[{"embedding":[NaN]}]})", 1, "no list 'data'"},
      {R"({"data":[{"embedding":[1]}]})", 2, "1 embeddings for 2 texts"},
      {R"({"data":[{"embedding":[1]},{"embedding":[1]}]})", 1, "2 embeddings for 1 texts"},
      {R"({"data":[{"index":1,"embedding":[1]}]})", 1, "'index' is no number below"},
      {R"({"data":[{"index":-1,"embedding":[1]}]})", 1, "'index' is no number below"},
      {R"({"data":[{"index":"0","embedding":[1]}]})", 1, "'index' is no number below"},
      {R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})", 2, "comes twice"},
      {R"({"data":[7]})", 1, "neither a list of numbers nor base64"},
      {R"({"data":[{"embedding":null}]})", 1, "neither a list of numbers nor base64"},
      {R"({"data":[{"embedding":[1,null]}]})", 1, "is null"},
      {R"({"data":[{"embedding":[1,"2"]}]})", 1, "is \"2\""},
      {R"({"data":[{"embedding":[1e39]}]})", 1, "element 0 of the embedding is not a finite"},
      {R"({"data":[{"embedding":[0,0]}]})", 1, "all zeros"},
      {R"({"data":[{"embedding":[]}]})", 1, "all zeros"},
      {R"({"data":[{"embedding":"@@@@"}]})", 1, "base64"},
      {R"({"data":[{"embedding":"AAAA"}]})", 1, "no list of 32-bit floats"},
      {json{{"data", {{{"embedding", Base64Of({1, nan})}}}}}.dump(), 1, "element 1"},
      {R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", 2, "different sizes"},
  };
  for (const auto& [body, count, message] : cases) {
    EXPECT_THAT(Refusal(*OpenAi(), body, count), HasSubstr(message)) << body;
  }
  EXPECT_THAT(Refusal(*OpenAi({.dimensions = 2}), R"({"data":[{"embedding":[1]}]})", 1),
              HasSubstr("1 dimensions where 2 were asked for; set embedder.dimensions"));
}

TEST(OpenAiEmbeddingApi, ExplainsFailuresInTheServersWordsWithoutTheKey) {
  const std::tuple<int, const char*, Code, const char*> cases[] = {
      {400, R"({"error":{"message":"too many tokens"}})", Code::kInvalidArgument,
       "HTTP 400: too many tokens"},
      {422, R"({"message":"batch size 64 > 32"})", Code::kInvalidArgument, "batch size 64 > 32"},
      {413, R"({"error":"inputs must have less than 512 tokens"})", Code::kTooLarge,
       "less than 512 tokens"},
      {404, R"({"detail":"Not Found"})", Code::kBadUpstream, "HTTP 404: Not Found"},
      {401, R"({"error":{"message":"wrong key sk-very-secret"}})", Code::kUnauthorized,
       "HTTP 401: wrong key *** (setting embedder.api_key)"},
      {429, "{}", Code::kRateLimited, "HTTP 429"},
      {503, "<html>", Code::kUnavailable, "HTTP 503"},
      {302, "", Code::kBadUpstream, "HTTP 302"},
  };
  const auto api = OpenAi({.api_key = kKey});
  for (const auto& [status, body, code, message] : cases) {
    const Error error = api->Explain({.status = status, .body = body});
    EXPECT_EQ(error.code, code) << body;
    EXPECT_EQ(error.upstream_status, status);
    EXPECT_THAT(error.message, HasSubstr(message));
  }
  const std::string endless = json{{"error", std::string(100'000, 'x')}}.dump();
  EXPECT_LT(api->Explain({.status = 500, .body = endless}).message.size(), 400u);
}

TEST(OpenAiEmbeddingApi, UnusableOptionsAreRefused) {
  const std::pair<OpenAiEmbeddingOptions, const char*> cases[] = {
      {{.url = "", .model = "m"}, "embedder.url"},
      {{.url = "host/v1", .model = "m"}, "embedder.url"},
      {{.url = "http://h/v1?key=1", .model = "m"}, "embedder.url"},
      {{.url = "http://h/v1", .api_key = "a\nb", .model = "m"}, "embedder.api_key"},
      {{.url = "http://h/v1", .model = ""}, "embedder.model"},
  };
  for (const auto& [options, param] : cases) {
    const auto api = MakeOpenAiEmbeddingApi(options);
    ASSERT_FALSE(api) << param;
    EXPECT_EQ(api.error().param, param);
  }
}

TEST(CloudflareEmbeddingApi, SendsTextsAndPooling) {
  const auto api = Cloudflare();
  EXPECT_EQ(api->identity(), "cloudflare/@cf/baai/bge-base-en-v1.5/cls");
  const auto request = api->Request(Texts{"a cat", "a dog"});
  EXPECT_EQ(request.url,
            "https://api.cloudflare.com/client/v4/accounts/a1/ai/run/@cf/baai/bge-base-en-v1.5");
  EXPECT_EQ(json::parse(request.body), (json{{"text", {"a cat", "a dog"}}, {"pooling", "cls"}}));
}

TEST(CloudflareEmbeddingApi, ReadsItsAnswer) {
  const auto read = Cloudflare()->Read(
      R"({"result":{"shape":[2,2],"data":[[3,4],[0,2]],"pooling":"cls"},
          "success":true,"errors":[],"messages":[]})",
      2);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)[0], (Embedding{0.6f, 0.8f}));
  EXPECT_EQ((*read)[1], (Embedding{0, 1}));
}

TEST(CloudflareEmbeddingApi, RefusesOtherAnswers) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"result":null,"success":false,"errors":[{"code":5006,"message":"no text"}]})",
       "5006: no text"},
      {R"({"result":null,"success":true})", "no list 'result.data'"},
      {R"({"result":{"data":[[1],[2]]},"success":true})", "2 embeddings for 1 texts"},
      {R"({"result":{"data":[[null]]},"success":true})", "is null"},
      {R"({"result":{"data":[[1]],"pooling":"mean"},"success":true})", "pooled by 'mean'"},
  };
  for (const auto& [body, message] : cases) {
    EXPECT_THAT(Refusal(*Cloudflare(), body, 1), HasSubstr(message));
  }
}

TEST(CloudflareEmbeddingApi, ShowsEveryErrorMessage) {
  const Error error = Cloudflare()->Explain(
      {.status = 401,
       .body = R"({"success":false,"errors":[{"code":10000,"message":"Authentication error"},
                   {"message":"token sk-very-secret"},{"code":1},7]})"});
  EXPECT_EQ(error.code, Code::kUnauthorized);
  EXPECT_THAT(error.message, HasSubstr("10000: Authentication error; token ***"));
}

TEST(CloudflareEmbeddingApi, NeedsAnAccountAndAPlainModel) {
  for (const CloudflareEmbeddingOptions& options :
       {CloudflareEmbeddingOptions{}, CloudflareEmbeddingOptions{.account = "a b"},
        CloudflareEmbeddingOptions{.account = "a", .model = "../../user"},
        CloudflareEmbeddingOptions{.account = "a", .model = "m?x"}}) {
    const auto api = MakeCloudflareEmbeddingApi(options);
    ASSERT_FALSE(api) << options.model;
    EXPECT_THAT(api.error().message, HasSubstr("embedder.account"));
  }
}

TEST(EmbeddedText, IsCleanAndBounded) {
  EXPECT_EQ(EmbeddedText(Analyze("  A Red\n\tFox\xff ")), "A Red Fox\xef\xbf\xbd");
  EXPECT_EQ(EmbeddedText(Analyze(" \n")), "");
  std::string text;
  for (int i = 0; i < 9000; ++i) text += "é";
  EXPECT_EQ(EmbeddedText(Analyze(text)), text.substr(0, 16'000));
}

}  // namespace
}  // namespace reprise
