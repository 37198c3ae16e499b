#include <gmock/gmock.h>

#include "upstream/image_api_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

const std::unique_ptr<ImageApi> kPollinationsApi = MakePollinationsApi();

std::string PathOf(const GenerateRequest& request) {
  const auto call = ComposeFor(*kPollinationsApi, request);
  return call ? call->url : call.error().message;
}

TEST(PollinationsApi, EverythingIsInThePath) {
  EXPECT_EQ(PathOf({.model = "flux",
                    .prompt = "a fox/50% & \xC3\xA9?",
                    .width = 640,
                    .height = 480,
                    .seed = 7,
                    .params = R"({"nologo":true,"negative_prompt":"no snow","enhance":false,
                                  "tags":["x"],"none":null})"}),
            "/prompt/a%20fox%2F50%25%20%26%20%C3%A9%3F?width=640&height=480&model=flux&seed=7"
            "&enhance=false&negative_prompt=no%20snow&nologo=true");
}

TEST(PollinationsApi, ParametersCannotReplaceTheRequest) {
  EXPECT_EQ(PathOf({.model = "m", .prompt = "p", .seed = 1, .params = R"({"seed":2,"width":9})"}),
            "/prompt/p?model=m&seed=1");
}

TEST(PollinationsApi, WithoutASeedEveryCallGetsOne) {
  EXPECT_THAT(PathOf({.prompt = "p"}), HasSubstr("?seed="));
  EXPECT_NE(PathOf({.prompt = "p"}), PathOf({.prompt = "p"}));
}

TEST(PollinationsApi, ImpossibleRequestsAreRefused) {
  const GenerateInput input{.bytes = ShareBytes("abc")};
  const GenerateRequest requests[] = {{.prompt = ""}, {.inputs = {input}, .prompt = "p"}};
  for (const GenerateRequest& request : requests) {
    const auto call = ComposeFor(*kPollinationsApi, request);
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, Code::kInvalidArgument);
  }
}

TEST(PollinationsApi, TheAnswerIsTheImage) {
  const auto answer = kPollinationsApi->Read(ApiReply(200, "pixels", "image/jpeg"), 6);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->images.at(0).bytes, "pixels");
  EXPECT_EQ(kPollinationsApi->Read(ApiReply(200, "pixels", "image/jpeg"), 5).error().code,
            Code::kTooLarge);
  for (const auto& reply :
       {ApiReply(200, "", "image/jpeg"), ApiReply(200, "<html>", "text/html")}) {
    EXPECT_EQ(kPollinationsApi->Read(reply, 100).error().code, Code::kBadUpstream);
  }
}

}  // namespace
}  // namespace reprise
