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
  return EmbedLexical(Analyze(text));
}

double Cosine(std::string_view a, std::string_view b) {
  return Dot(Embed(a), Embed(b));
}

TEST(LexicalEmbedderTest, NamesItsDimensions) {
  const auto embedder = MakeLexicalEmbedder();
  EXPECT_EQ(embedder->identity(), "lexical-1/" + std::to_string(embedder->dimensions()));
  EXPECT_EQ(Embed("a cat").size(), embedder->dimensions());
}

TEST(LexicalEmbedderTest, TaskGivesTheSameVector) {
  asio::io_context context;
  const auto embedder = MakeLexicalEmbedder();
  const Prompt prompt = Analyze("a cat in the rain");
  auto work = asio::make_work_guard(context);
  std::thread thread([&] { context.run(); });
  const Result<Embedding> embedding = RunTask(context, embedder->Embed(prompt));
  work.reset();
  thread.join();
  ASSERT_TRUE(embedding);
  EXPECT_EQ(*embedding, EmbedLexical(prompt));
}

TEST(LexicalEmbedderTest, UnitLengthUnlessBlank) {
  for (const char* text : {"a", "the", "🐱", "!!!", "красная машина", "赤い車", "8k, masterpiece",
                           "a red fox in the snow"}) {
    EXPECT_NEAR(Cosine(text, text), 1, 1e-5) << text;
  }
  EXPECT_EQ(Cosine("", ""), 0);
  EXPECT_EQ(Cosine(" \n", " \n"), 0);
}

TEST(LexicalEmbedderTest, ParaphrasesAreNearerThanOthers) {
  const char* fox = "a red fox in the snow";
  EXPECT_GT(Cosine(fox, "please draw a red fox in the snow, 8k, masterpiece"), 0.9);
  EXPECT_GT(Cosine(fox, "foxes in snow, red"), Cosine(fox, "a blue car in a city"));
  EXPECT_GT(Cosine("an elefant", "an elephant"), Cosine("an elefant", "an antelope") + 0.05);
  EXPECT_LT(Cosine("красная машина", "赤い車"), 0.2);
  EXPECT_LT(Cosine("🐱", "🐶"), 0.9);
}

// Stored vectors are compared across machines and releases: a change here needs a new identity.
TEST(LexicalEmbedderTest, StaysTheSame) {
  const Embedding cat = Embed("a watercolor cat");
  const auto largest = std::ranges::max_element(cat, {}, Magnitude);
  EXPECT_EQ(largest - cat.begin(), 777);
  EXPECT_NEAR(*largest, -0.671088, 1e-5);
}

TEST(LexicalEmbedderTest, AnyBytesGiveAFiniteVector) {
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
