#include "app/embedder_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io_threads.h"

namespace reprise {
namespace {

using Kind = EmbedderConfig::Kind;
using ::testing::HasSubstr;

class EmbedderFactoryTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Embedder>> Make(const EmbedderConfig& config) {
    return MakeEmbedder(config, {client_, workers_, io_.context(), clock_});
  }
  std::string Identity(const EmbedderConfig& config) {
    auto embedder = Make(config);
    EXPECT_TRUE(embedder) << embedder.error().message;
    return embedder ? std::string((*embedder)->identity()) : "";
  }
  std::string Refusal(const EmbedderConfig& config) {
    auto embedder = Make(config);
    EXPECT_FALSE(embedder);
    return embedder ? "" : embedder.error().message;
  }

  IoThreads io_{1};
  http::Client client_;
  WorkerPool workers_{1, 16};
  SystemClock clock_;
};

TEST_F(EmbedderFactoryTest, TheDefaultIsBuiltIn) {
  EXPECT_EQ(Identity({}), MakeLexicalEmbedder()->identity());
}

TEST_F(EmbedderFactoryTest, RemoteKindsNeedNoAddress) {
  EXPECT_EQ(Identity({.kind = Kind::kOpenAi, .model = "text-embedding-3-small"}),
            "openai/text-embedding-3-small");
  EXPECT_EQ(Identity({.kind = Kind::kOpenAi, .model = "m", .dimensions = 256}), "openai/m/256");
  EXPECT_EQ(Identity({.kind = Kind::kCloudflare, .account = "a1"}),
            "cloudflare/@cf/baai/bge-base-en-v1.5/cls");
  EXPECT_EQ(Identity({.kind = Kind::kCloudflare,
                      .model = "@cf/baai/bge-m3",
                      .account = "a1",
                      .pooling = EmbedderConfig::Pooling::kMean}),
            "cloudflare/@cf/baai/bge-m3/mean");
}

TEST_F(EmbedderFactoryTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(Refusal({.kind = Kind::kOpenAi}), HasSubstr("embedder.model is empty"));
  EXPECT_THAT(Refusal({.kind = Kind::kCloudflare}), HasSubstr("embedder.account is ''"));
  EXPECT_THAT(Refusal({.kind = Kind::kStatic}),
              HasSubstr("embedder.kind is static, but embedder.path is empty"));
  EXPECT_THAT(Refusal({.kind = Kind::kOnnx}),
              HasSubstr("embedder.kind is onnx, but embedder.path is empty"));
}

TEST_F(EmbedderFactoryTest, LocalKindsTellWhatIsWrongWithTheirPath) {
  EXPECT_THAT(Refusal({.kind = Kind::kStatic, .path = "/nowhere"}),
              HasSubstr("no model.safetensors in /nowhere"));
  EXPECT_THAT(Refusal({.kind = Kind::kOnnx, .path = "/nowhere", .library = "/none.so"}),
              HasSubstr("tools/setup --onnx"));
}

TEST_F(EmbedderFactoryTest, SettingsOfAnotherKindAreRefused) {
  EXPECT_THAT(Refusal({.url = "http://e/v1"}),
              HasSubstr("embedder.url is set, but embedder.kind is builtin, which does not use it; "
                        "set embedder.kind: openai or cloudflare, or remove it"));
  EXPECT_THAT(Refusal({.kind = Kind::kOpenAi, .model = "m", .path = "/models"}),
              HasSubstr("embedder.path is set, but embedder.kind is openai"));
  EXPECT_THAT(Refusal({.kind = Kind::kCloudflare, .account = "a", .dimensions = 9}),
              HasSubstr("embedder.dimensions is set, but embedder.kind is cloudflare"));
  EXPECT_THAT(Refusal({.kind = Kind::kStatic, .model = "m"}), HasSubstr("embedder.model is set"));
}

}  // namespace
}  // namespace reprise
