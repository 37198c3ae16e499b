#include "embed/static_embedder.h"

#include <gmock/gmock.h>

#include <random>

#include "embed/embed_testing.h"
#include "embed/model_files_testing.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Tokens: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, red 4, fox 5, ##es 6. Row i is (i, 1).
class StaticEmbedderTest : public EmbedderTest {
 protected:
  StaticEmbedderTest() {
    WriteTokenizer(BertTokenizerJson({"red", "fox", "##es"}));
    WriteTensors({Rows()});
  }
  ~StaticEmbedderTest() override { Stop(); }

  static TensorToWrite Rows(std::size_t rows = 7) {
    std::vector<float> values;
    for (std::size_t i = 0; i < rows; ++i) values.insert(values.end(), {static_cast<float>(i), 1});
    return {"embeddings", "F32", {rows, 2}, BytesOf(values)};
  }
  void WriteTokenizer(const json& file) { folder_.Write("tokenizer.json", file.dump()); }
  void WriteTensors(const std::vector<TensorToWrite>& tensors) {
    folder_.Write("model.safetensors", SafeTensorsFile(tensors));
  }

  std::unique_ptr<Embedder> Load() {
    auto embedder = LoadStaticEmbedder(folder_.path());
    EXPECT_TRUE(embedder) << embedder.error().message;
    return embedder ? std::move(*embedder) : nullptr;
  }
  Error Refusal() {
    auto embedder = LoadStaticEmbedder(folder_.path());
    EXPECT_FALSE(embedder);
    return embedder ? Error{} : embedder.error();
  }
  void ExpectDirection(const std::string& text, double x, double y) {
    const auto embedding = Embed(*Load(), text);
    ASSERT_TRUE(embedding) << embedding.error().message;
    const double length = std::hypot(x, y);
    EXPECT_NEAR((*embedding)[0], x / length, 1e-6) << text;
    EXPECT_NEAR((*embedding)[1], y / length, 1e-6) << text;
  }

  ScratchFolder folder_;
};

TEST_F(StaticEmbedderTest, SumsTheRowsOfTheTokens) {
  EXPECT_EQ(Load()->dimensions(), 2u);
  ExpectDirection("red", 4, 1);
  ExpectDirection("Red foxes", 4 + 5 + 6, 3);
  ExpectDirection("red qqq", 4, 1);  // unknown words count nothing
}

TEST_F(StaticEmbedderTest, ATextWithoutKnownTokensHasNoDirection) {
  for (const char* text : {"", " ", "qqq", "日本"}) {
    EXPECT_EQ(Embed(*Load(), text), Embedding(2, 0.0f)) << text;
  }
}

TEST_F(StaticEmbedderTest, ReadsEveryKindOfNumber) {
  const std::pair<const char*, std::string> kinds[] = {
      {"F64", BytesOf<double>({0, 0, 0, 0, 0, 0, 0, 0, 1.5, -2, 0, 0, 0, 0})},
      {"F32", BytesOf<float>({0, 0, 0, 0, 0, 0, 0, 0, 1.5, -2, 0, 0, 0, 0})},
      {"F16", BytesOf<std::uint16_t>({0, 0, 0, 0, 0, 0, 0, 0, 0x3e00, 0xc000, 0, 0, 0, 0})},
      {"BF16", BytesOf<std::uint16_t>({0, 0, 0, 0, 0, 0, 0, 0, 0x3fc0, 0xc000, 0, 0, 0, 0})},
      {"I8", BytesOf<std::int8_t>({0, 0, 0, 0, 0, 0, 0, 0, 15, -20, 0, 0, 0, 0})}};
  for (const auto& [dtype, data] : kinds) {
    WriteTensors({{"embeddings", dtype, {7, 2}, data}});
    ExpectDirection("red", 1.5, -2);
  }
}

TEST_F(StaticEmbedderTest, MappingAndWeights) {
  const TensorToWrite mapping{"mapping", "I64", {7}, BytesOf<std::int64_t>({0, 0, 0, 0, 1, 1, 0})};
  const TensorToWrite weights{"weights", "F32", {7, 1}, BytesOf<float>({1, 1, 1, 1, 3, 1, 2})};
  WriteTensors({Rows(2), mapping, weights});
  ExpectDirection("red", 1, 1);
  ExpectDirection("red foxes", 3 * 1 + 1 * 1 + 2 * 0, 3 + 1 + 2);
}

TEST_F(StaticEmbedderTest, TheLayoutsOfSentenceTransformers) {
  TensorToWrite rows = Rows();
  rows.name = "embedding.weight";
  WriteTensors({rows});
  ExpectDirection("red", 4, 1);
  std::filesystem::create_directory(folder_.path() / "0_StaticEmbedding");
  for (const char* name : {"model.safetensors", "tokenizer.json"}) {
    std::filesystem::rename(folder_.path() / name, folder_.path() / "0_StaticEmbedding" / name);
  }
  ExpectDirection("red", 4, 1);
}

TEST_F(StaticEmbedderTest, TheIdentityIsThatOfTheFiles) {
  const std::string identity(Load()->identity());
  EXPECT_THAT(identity, StartsWith("static/"));
  EXPECT_TRUE(identity.ends_with("/2"));
  ScratchFolder copy;
  for (const char* name : {"model.safetensors", "tokenizer.json"}) {
    std::filesystem::copy(folder_.path() / name, copy.path() / name);
  }
  EXPECT_EQ((*LoadStaticEmbedder(copy.path()))->identity(), identity);
  WriteTokenizer(BertTokenizerJson({"red", "fox", "##x"}));
  const std::string other(Load()->identity());
  EXPECT_NE(other, identity);
  WriteTensors({Rows(8)});
  EXPECT_NE(Load()->identity(), other);
}

TEST_F(StaticEmbedderTest, LongTextsAreCut) {
  std::string text;
  for (int i = 0; i < 512; ++i) text += "red ";
  ExpectDirection(text + "fox fox fox", 4, 1);
}

TEST_F(StaticEmbedderTest, TablesThatDoNotFitAreRefused) {
  const auto per_token = [](const char* name, std::int64_t value, std::size_t count) {
    return TensorToWrite{name, "I64", {count}, BytesOf(std::vector<std::int64_t>(count, value))};
  };
  const std::tuple<std::vector<TensorToWrite>, Code, const char*> cases[] = {
      {{{"other", "F32", {1}, BytesOf<float>({1})}}, Code::kCorrupt, "only: other"},
      {{{"embeddings", "I64", {1, 1}, BytesOf<std::int64_t>({1})}},
       Code::kInvalidArgument,
       "its embeddings are I64; supported are F64, F32, F16, BF16 and I8"},
      {{{"embeddings", "U8", {7, 2}, std::string(14, 'x')}}, Code::kInvalidArgument, "are U8"},
      {{{"embeddings", "F32", {14}, std::string(56, '\0')}}, Code::kCorrupt, "no table"},
      {{{"embeddings", "F32", {7, 0}, ""}}, Code::kCorrupt, "no table"},
      {{Rows(6)}, Code::kCorrupt, "6 rows do not reach the tokenizer's id 6"},
      {{Rows(2), per_token("mapping", 2, 7)}, Code::kCorrupt, "maps token 0 to row 2"},
      {{Rows(2), per_token("mapping", -1, 7)}, Code::kCorrupt, "maps token 0 to row -1"},
      {{Rows(2), per_token("mapping", 0, 6)}, Code::kCorrupt, "'mapping' has 6 numbers"},
      {{Rows(), per_token("weights", 1, 6)}, Code::kCorrupt, "'weights' has 6 numbers"},
  };
  for (const auto& [tensors, code, message] : cases) {
    WriteTensors(tensors);
    const Error error = Refusal();
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(message));
    EXPECT_THAT(error.message, HasSubstr("model.safetensors"));
  }
}

TEST_F(StaticEmbedderTest, InfiniteRowsAreErrorsNotVectors) {
  WriteTensors({{"embeddings", "F32", {7, 1}, BytesOf(std::vector<float>(7, INFINITY))}});
  const auto embedding = Embed(*Load(), "red");
  ASSERT_FALSE(embedding);
  EXPECT_EQ(embedding.error().code, Code::kCorrupt);
}

// Whatever the files say, loading and embedding end with a vector or an error.
TEST_F(StaticEmbedderTest, DamagedBytesNeverCrash) {
  const std::string model = SafeTensorsFile({Rows()});
  const std::string tokenizer = BertTokenizerJson({"red", "fox", "##es"}).dump();
  std::mt19937 random(7);
  int loaded = 0;
  for (int i = 0; i < 240; ++i) {
    std::string bytes = i % 2 == 0 ? model : tokenizer;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 4 == 0 ? random() : '0' + n);
    }
    folder_.Write("model.safetensors", i % 2 == 0 ? bytes : model);
    folder_.Write("tokenizer.json", i % 2 == 0 ? tokenizer : bytes);
    auto embedder = LoadStaticEmbedder(folder_.path());
    if (!embedder) continue;
    ++loaded;
    const auto embedding = Embed(**embedder, "Red foxes, [SEP] qq \xff");
    if (embedding) EXPECT_EQ(embedding->size(), (*embedder)->dimensions());
  }
  EXPECT_GT(loaded, 20) << "most damage must get past the loader to prove anything";
  EXPECT_LT(loaded, 240);
}

TEST_F(StaticEmbedderTest, MissingFilesAreNamed) {
  std::filesystem::remove(folder_.path() / "tokenizer.json");
  EXPECT_THAT(Refusal().message, HasSubstr("tokenizer.json"));
  std::filesystem::remove(folder_.path() / "model.safetensors");
  const Error error = Refusal();
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.param, "embedder.path");
}

}  // namespace
}  // namespace reprise
