#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <thread>

#include "embed/embedder.h"

namespace reprise {
namespace {

double Dot(const Embedding& a, const Embedding& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

float Magnitude(float x) {
  return std::abs(x);
}

Embedding Embed(std::string_view text) {
  return EmbedBuiltIn(Analyze(text));
}

double Cosine(std::string_view a, std::string_view b) {
  return Dot(Embed(a), Embed(b));
}

TEST(BuiltInEmbedderTest, NamesItsDimensions) {
  const auto embedder = MakeBuiltInEmbedder();
  EXPECT_THAT(std::string(embedder->identity()),
              testing::StartsWith("builtin-2/" + std::to_string(embedder->dimensions()) + "/"));
  EXPECT_EQ(Embed("a cat").size(), embedder->dimensions());
}

TEST(BuiltInEmbedderTest, TaskGivesTheSameVector) {
  asio::io_context context;
  const auto embedder = MakeBuiltInEmbedder();
  const Prompt prompt = Analyze("a cat in the rain");
  auto work = asio::make_work_guard(context);
  std::thread thread([&] { context.run(); });
  const Result<Embedding> embedding = RunTask(context, embedder->Embed(prompt));
  work.reset();
  thread.join();
  ASSERT_TRUE(embedding);
  EXPECT_EQ(*embedding, EmbedBuiltIn(prompt));
}

TEST(BuiltInEmbedderTest, UnitLengthUnlessBlank) {
  for (const char* text : {"a", "the", "🐱", "!!!", "красная машина", "赤い車", "8k, masterpiece",
                           "a red fox in the snow"}) {
    EXPECT_NEAR(Cosine(text, text), 1, 1e-5) << text;
  }
  EXPECT_EQ(Cosine("", ""), 0);
  EXPECT_EQ(Cosine(" \n", " \n"), 0);
}

TEST(BuiltInEmbedderTest, ParaphrasesAreNearerThanOthers) {
  const char* fox = "a red fox in the snow";
  EXPECT_GT(Cosine(fox, "please draw a red fox in the snow, 8k, masterpiece"), 0.9);
  EXPECT_GT(Cosine(fox, "foxes in snow, red"), Cosine(fox, "a blue car in a city"));
  const char* misspelt = "an elefantine parade";
  EXPECT_GT(Cosine(misspelt, "an elephantine parade"),
            Cosine(misspelt, "a military parade") + 0.03);
  EXPECT_LT(Cosine("красная машина", "赤い車"), 0.2);
  EXPECT_LT(Cosine("🐱", "🐶"), 0.9);
}

TEST(BuiltInEmbedderTest, SynonymsAreNearerThanOtherWords) {
  EXPECT_GT(Cosine("a beach at dawn", "a shore at dawn"),
            Cosine("a beach at dawn", "a table at dawn") + 0.1);
  EXPECT_GT(Cosine("a huge kitty", "a large kitten"),
            Cosine("a huge kitty", "a small truck") + 0.3);
  EXPECT_GT(Cosine("cars", "automobile"), 0.4);
  EXPECT_LT(Cosine("automobile", "waterfall"), 0.2);
}

// A word without a place among concepts has one of its own: it is not overlooked.
TEST(BuiltInEmbedderTest, UnknownWordsCount) {
  EXPECT_LT(Cosine("a portrait by Zorblatt", "a portrait by Quenvix"), 0.75);
  EXPECT_GT(Cosine("a portrait by Zorblatt", "the portrait by zorblatt"), 0.95);
  EXPECT_GT(Cosine("собака на пляже", "пляже собака"), 0.7);
  EXPECT_LT(Cosine("собака", "кошка"), 0.3);
}

// Stored vectors are compared across machines and releases: a change here needs a new identity.
// The concept part is guarded by its checksum in the identity; the lexical part is this one.
TEST(BuiltInEmbedderTest, StaysTheSame) {
  const Embedding vector = Embed("zorblatt");
  const auto largest = std::ranges::max_element(vector, {}, Magnitude);
  EXPECT_EQ(largest - vector.begin(), 457);
  EXPECT_NEAR(*largest, -0.579284, 1e-5);
}

TEST(BuiltInEmbedderTest, AnyBytesGiveAFiniteVector) {
  std::mt19937 random(9);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(1 + random() % 80, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    const Embedding vector = Embed(bytes);
    const double squares = Dot(vector, vector);
    ASSERT_TRUE(std::abs(squares - 1) < 1e-4 || Analyze(bytes).tokens.empty());
  }
}

}  // namespace
}  // namespace reprise
