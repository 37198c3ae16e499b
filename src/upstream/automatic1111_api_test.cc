#include <gmock/gmock.h>

#include "upstream/image_api_testing.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kTxt2ImgLimit = 1000;

const std::unique_ptr<ImageApi> kAutomatic1111Api = MakeAutomatic1111Api();

TEST(Automatic1111Api, SendsABatch) {
  EXPECT_EQ(BodyFor(*kAutomatic1111Api,
                    {.model = "sdxl",
                     .prompt = "a fox",
                     .count = 3,
                     .width = 768,
                     .height = 512,
                     .params = R"({"negative_prompt":"snow","steps":20,"quality":"high",
                                          "override_settings":{"sd_model_checkpoint":"x"}})"}),
            json::parse(R"({"prompt":"a fox","batch_size":3,"width":768,"height":512,"seed":-1,
                            "negative_prompt":"snow","steps":20,
                            "override_settings":{"sd_model_checkpoint":"x"}})"));
}

TEST(Automatic1111Api, TheKeyIsUserAndPassword) {
  EXPECT_EQ(kAutomatic1111Api->Authorization("user:password"), "Basic dXNlcjpwYXNzd29yZA==");
}

TEST(Automatic1111Api, TheGridOfABatchIsNoImage) {
  const auto answer = kAutomatic1111Api->Read(
      ApiReply(200,
               R"({"images":["Z3JpZA==","YWJj","ZGVm"],"info":"{\"index_of_first_image\":1}"})"),
      kTxt2ImgLimit);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->images.size(), 2u);
  EXPECT_EQ(answer->images[0].bytes, "abc");
  EXPECT_EQ(answer->images[1].bytes, "def");
}

TEST(Automatic1111Api, OddAnswersAreABadUpstream) {
  for (const char* body :
       {"", "[]", "{}", R"({"images":[]})", R"({"images":[7]})", R"({"images":["?"]})",
        R"({"images":"YWJj"})", R"({"images":["YWJj"],"info":"{\"index_of_first_image\":1}"})"}) {
    const auto answer = kAutomatic1111Api->Read(ApiReply(200, body), kTxt2ImgLimit);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, Code::kBadUpstream) << body;
  }
  EXPECT_TRUE(kAutomatic1111Api->Read(ApiReply(200, R"({"images":["YWJj"],"info":"no JSON"})"),
                                      kTxt2ImgLimit));
}

}  // namespace
}  // namespace reprise
