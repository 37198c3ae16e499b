#include "app/embedder_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/io_threads.h"

namespace reprise {
namespace {

using Kind = EmbedderConfig::Kind;
using ::testing::AnyOf;
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
  EXPECT_EQ(Identity({}), MakeBuiltInEmbedder()->identity());
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

// The YAML blocks of a page.
std::vector<std::string> YamlBlocks(const std::string& file) {
  std::ifstream stream(std::string(REPRISE_SOURCE_DIR "/") + file);
  EXPECT_TRUE(stream) << file;
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line == "```yaml") blocks.emplace_back();
    if (line.starts_with("```")) {
      inside = line == "```yaml";
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST_F(EmbedderFactoryTest, TheDocumentedConfigurationsWork) {
  const auto blocks = YamlBlocks("docs/embedders.md");
  EXPECT_EQ(blocks.size(), 9u);
  for (const std::string& block : blocks) {
    const auto config = ParseConfig(block, "docs/embedders.md");
    ASSERT_TRUE(config) << config.error().message;
    if (config->embedder.path.empty()) {
      EXPECT_NE(Identity(config->embedder), "");
    } else {  // everything but the model is there
      EXPECT_THAT(Refusal(config->embedder), AnyOf(HasSubstr("./models/"), HasSubstr("onnx")));
    }
  }
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
