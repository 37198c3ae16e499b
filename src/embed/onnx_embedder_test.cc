#include "embed/onnx_embedder.h"

#include <gmock/gmock.h>

#include "embed/embed_testing.h"
#include "embed/model_files_testing.h"
#include "embed/onnx_session.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ---- ONNX files, by hand: protocol buffers as onnx.proto numbers their fields ----

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Number(int field, std::uint64_t value) {
  return Varint(static_cast<std::uint64_t>(field) << 3) + Varint(value);
}
std::string Bytes(int field, const std::string& bytes) {
  return Varint(static_cast<std::uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + bytes;
}

constexpr int kFloat = 1, kInt32 = 6, kInt64 = 7;

// A value of the graph; a dimension of 0 is any.
std::string ValueInfo(const std::string& name, int type, const std::vector<int>& shape) {
  std::string dimensions;
  for (int size : shape) {
    dimensions += Bytes(1, size == 0 ? Bytes(2, "any") : Number(1, static_cast<unsigned>(size)));
  }
  return Bytes(1, name) +
         Bytes(2, Bytes(1, Number(1, static_cast<unsigned>(type)) + Bytes(2, dimensions)));
}

struct TinyModel {
  std::vector<std::string> inputs = {"input_ids", "attention_mask", "token_type_ids"};
  std::string output = "last_hidden_state";
  int input_type = kInt64;
  std::size_t rows = 7;
};

// last_hidden_state = Gather(table, input_ids), where row i of the table is (i, 1).
std::string OnnxFile(const TinyModel& model) {
  std::vector<float> table;
  for (std::size_t i = 0; i < model.rows; ++i) {
    table.insert(table.end(), {static_cast<float>(i), 1.0f});
  }
  const std::string gather =
      Bytes(1, "table") + Bytes(1, "input_ids") + Bytes(2, model.output) + Bytes(4, "Gather");
  const std::string tensor = Number(1, model.rows) + Number(1, 2) + Number(2, kFloat) +
                             Bytes(8, "table") + Bytes(9, BytesOf(table));
  std::string graph = Bytes(1, gather) + Bytes(2, "tiny") + Bytes(5, tensor);
  for (const std::string& input : model.inputs) {
    graph += Bytes(11, ValueInfo(input, model.input_type, {0, 0}));
  }
  graph += Bytes(12, ValueInfo(model.output, kFloat, {0, 0, 2}));
  return Number(1, 8) + Bytes(7, graph) + Bytes(8, Bytes(1, "") + Number(2, 13));
}

// Tokens: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, red 4, fox 5, ##es 6.
class OnnxEmbedderTest : public EmbedderTest {
 protected:
  OnnxEmbedderTest() {
    folder_.Write("tokenizer.json", BertTokenizerJson({"red", "fox", "##es"}).dump());
    folder_.Write("model.onnx", OnnxFile({}));
  }
  ~OnnxEmbedderTest() override { Stop(); }

  void SetUp() override {
    if (const auto runtime = OnnxSession::CheckRuntime({}); !runtime) {
      GTEST_SKIP() << runtime.error().message;
    }
  }

  Result<std::unique_ptr<Embedder>> Load(OnnxPooling pooling = OnnxPooling::kAuto) {
    return LoadOnnxEmbedder({.path = folder_.path(), .pooling = pooling}, workers_);
  }
  void ExpectDirection(const std::string& text, double x, double y,
                       OnnxPooling pooling = OnnxPooling::kAuto) {
    auto embedder = Load(pooling);
    ASSERT_TRUE(embedder) << embedder.error().message;
    const auto embedding = Embed(**embedder, text);
    ASSERT_TRUE(embedding) << embedding.error().message;
    const double length = std::hypot(x, y);
    EXPECT_NEAR((*embedding)[0], x / length, 1e-6) << text;
    EXPECT_NEAR((*embedding)[1], y / length, 1e-6) << text;
  }
  std::string Refusal(Code code) {
    auto embedder = Load();
    EXPECT_FALSE(embedder);
    if (embedder) return "";
    EXPECT_EQ(embedder.error().code, code) << embedder.error().message;
    return embedder.error().message;
  }

  ScratchFolder folder_;
};

TEST_F(OnnxEmbedderTest, PoolsTheTokensOfTheFramedText) {
  ExpectDirection("Red foxes", 2 + 4 + 5 + 6 + 3, 5);  // [CLS] red fox ##es [SEP]
  ExpectDirection("red", 2 + 4 + 3, 3, OnnxPooling::kMean);
  ExpectDirection("red", 2, 1, OnnxPooling::kCls);
  EXPECT_EQ(Embed(**Load(), " "), Embedding(2, 0.0f));
}

TEST_F(OnnxEmbedderTest, PoolingIsWhatTheFolderSays) {
  const auto write = [&](const char* key) {
    folder_.Write(
        "1_Pooling/config.json",
        json{{"word_embedding_dimension", 2}, {key, true}, {"pooling_mode_x", false}}.dump());
  };
  write("pooling_mode_cls_token");
  ExpectDirection("red", 2, 1);
  ExpectDirection("red", 2 + 4 + 3, 3, OnnxPooling::kMean);
  write("pooling_mode_mean_tokens");
  ExpectDirection("red", 2 + 4 + 3, 3);
  write("pooling_mode_max_tokens");
  EXPECT_THAT(Refusal(Code::kInvalidArgument), HasSubstr("pooling_mode_max_tokens"));
  ExpectDirection("red", 2, 1, OnnxPooling::kCls);
}

TEST_F(OnnxEmbedderTest, TheIdentityTellsModelPoolingAndSize) {
  const std::string mean((*Load())->identity());
  EXPECT_THAT(mean, StartsWith("onnx/"));
  EXPECT_TRUE(mean.ends_with("/mean/2")) << mean;
  const std::string cls((*Load(OnnxPooling::kCls))->identity());
  EXPECT_EQ(cls.substr(0, cls.find("/cls/2")), mean.substr(0, mean.find("/mean/2")));
  folder_.Write("model.onnx", OnnxFile({.rows = 8}));
  EXPECT_NE((*Load())->identity(), mean);
  EXPECT_EQ((*Load())->dimensions(), 2u);
}

TEST_F(OnnxEmbedderTest, TextsAreCutToWhatTheModelTakes) {
  const auto expect_length = [&](std::size_t tokens) {
    std::string text;
    for (int i = 0; i < 600; ++i) text += "red ";
    const auto red = static_cast<double>(tokens - 2);
    ExpectDirection(text, 2 + 4 * red + 3, static_cast<double>(tokens));
  };
  expect_length(512);
  folder_.Write("config.json", R"({"max_position_embeddings": 128})");
  expect_length(128);
  folder_.Write("sentence_bert_config.json", R"({"max_seq_length": 16})");
  expect_length(16);
  json tokenizer = BertTokenizerJson({"red", "fox", "##es"});
  tokenizer["truncation"] = {{"max_length", 8}};
  folder_.Write("tokenizer.json", tokenizer.dump());
  expect_length(8);
}

TEST_F(OnnxEmbedderTest, FeedsTheInputsTheModelNames) {
  folder_.Write("model.onnx", OnnxFile({.inputs = {"input_ids", "attention_mask"}}));
  ExpectDirection("red", 2 + 4 + 3, 3);
  folder_.Write("model.onnx", OnnxFile({.input_type = kInt32}));
  ExpectDirection("red", 2 + 4 + 3, 3);
  folder_.Write("model.onnx", OnnxFile({.inputs = {"input_ids", "pixel_values"}}));
  EXPECT_THAT(Refusal(Code::kInvalidArgument), HasSubstr("wants the input 'pixel_values'"));
}

TEST_F(OnnxEmbedderTest, FindsTheModelInItsFolder) {
  std::filesystem::create_directory(folder_.path() / "onnx");
  std::filesystem::rename(folder_.path() / "model.onnx", folder_.path() / "onnx/model.onnx");
  ExpectDirection("red", 2 + 4 + 3, 3);
  const auto named = LoadOnnxEmbedder({.path = folder_.path() / "onnx/model.onnx"}, workers_);
  EXPECT_TRUE(named.has_value());
  std::filesystem::remove(folder_.path() / "tokenizer.json");
  EXPECT_THAT(Refusal(Code::kNotFound), HasSubstr("no tokenizer.json"));
  std::filesystem::remove_all(folder_.path() / "onnx");
  EXPECT_THAT(Refusal(Code::kNotFound), HasSubstr("no model.onnx in"));
}

TEST_F(OnnxEmbedderTest, WhatIsNoModelIsRefused) {
  const std::string whole = OnnxFile({});
  for (const std::string& bytes :
       {std::string(), std::string("not a model"), whole.substr(0, whole.size() / 2)}) {
    folder_.Write("model.onnx", bytes);
    EXPECT_THAT(Refusal(Code::kCorrupt), HasSubstr("model.onnx: ONNX Runtime: "));
  }
}

TEST_F(OnnxEmbedderTest, IdsTheModelDoesNotHaveAreErrors) {
  folder_.Write("model.onnx", OnnxFile({.rows = 5}));
  auto embedder = Load();
  ASSERT_TRUE(embedder) << embedder.error().message;
  EXPECT_TRUE(Embed(**embedder, "red"));
  const auto embedding = Embed(**embedder, "red fox");
  ASSERT_FALSE(embedding);
  EXPECT_THAT(embedding.error().message, HasSubstr("ONNX Runtime: "));
}

TEST_F(OnnxEmbedderTest, ManyTextsAtOnce) {
  auto embedder = Load();
  ASSERT_TRUE(embedder) << embedder.error().message;
  const auto all = EmbedAll(**embedder, std::vector<std::string>(32, "red foxes"));
  ASSERT_TRUE(all.front());
  for (const auto& one : all) {
    ASSERT_TRUE(one) << one.error().message;
    EXPECT_EQ(*one, *all.front());
  }
}

TEST(OnnxSession, AMissingLibraryIsSaidWithTheWayOut) {
  const auto runtime = OnnxSession::CheckRuntime("/nowhere/libonnxruntime.so");
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().code, Code::kUnavailable);
  EXPECT_THAT(runtime.error().message, HasSubstr("tools/setup --onnx"));
  const auto other = OnnxSession::CheckRuntime("libm.so.6");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace reprise
