// A prompt's vector has two parts of equal weight. The lexical part hashes its words, their letters
// and its pairs of words; the concept part is the mean place of its words among WordNet's concepts.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embed/embedder.h"
#include "wordnet/wordnet.h"

namespace reprise {
namespace {

// Measured on the development data (STS benchmark / its captions / SICK: correlation with human
// scores; recall@10 of paraphrases among 11,890 texts): lexical 1024 alone .804/.816/.656, .905;
// lexical + concepts 256+256 .810/.834/.705, .931; 512+128 .812/.831/.706, .936; 512+256
// .812/.835/.706, .937; 1024+256 .814/.838/.707, .937. The parts weigh the same: with 35 % for the
// concepts recall@10 is .922, with 65 % .940 but the correlation falls.
constexpr std::size_t kLexicalDimensions = 512;
constexpr std::size_t kDimensions = kLexicalDimensions + kConceptDimensions;

// What n-grams and pairs of words weigh against lemmas. Any n-gram share from .3 to 1 and any pair
// share up to .6 stays within .005 of these in every measure.
constexpr float kGramShare = 0.7f;
constexpr float kBigramShare = 0.3f;
constexpr double kCommonWord = 2e-3;  // a of a / (a + p), p from WordNet's texts: Arora et al. 2017

constexpr std::uint64_t kLemmaSeed = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kGramSeed = 0xc2b2ae3d27d4eb4f;
constexpr std::uint64_t kBigramSeed = 0x165667b19e3779f9;
constexpr std::uint64_t kUnknownSeed = 0x27d4eb2f165667c5;

using Part = std::span<float>;
using ConceptPart = std::span<float, kConceptDimensions>;

// The finaliser of MurmurHash3.
std::uint64_t Mix(std::uint64_t h) {
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

// FNV-1a, mixed: the same on every machine, as stored vectors must be.
std::uint64_t Hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t h = 0xcbf29ce484222325 ^ seed;
  for (char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return Mix(h);
}

// Signed feature hashing (Weinberger et al. 2009): collisions cancel out on average.
void Add(std::uint64_t hash, float weight, Part out) {
  out[hash % out.size()] += (hash >> 63) != 0 ? -weight : weight;
}

// Byte offsets at which the characters of `word` begin, and its end.
std::vector<std::size_t> CharacterStarts(std::string_view word) {
  std::vector<std::size_t> starts;
  starts.reserve(word.size() + 1);
  for (std::size_t i = 0; i < word.size(); ++i) {
    if ((static_cast<unsigned char>(word[i]) & 0xc0) != 0x80) starts.push_back(i);
  }
  starts.push_back(word.size());
  return starts;
}

// Runs of three and four characters of "<word>": spelling variants and inflections stay near.
void AddGrams(const Token& token, float token_weight, Part out) {
  const std::string word = "<" + token.text + ">";
  const std::vector<std::size_t> starts = CharacterStarts(word);
  const std::size_t characters = starts.size() - 1;
  const std::size_t grams = characters - 2 + (characters > 3 ? characters - 3 : 0);
  const float weight = kGramShare * token_weight / std::sqrt(static_cast<float>(grams));
  for (std::size_t n : {3, 4}) {
    for (std::size_t i = 0; i + n <= characters; ++i) {
      const std::string_view gram(word.data() + starts[i], starts[i + n] - starts[i]);
      Add(Hash(gram, kGramSeed), weight, out);
    }
  }
}

void Normalize(Part vector) {
  double squares = 0;
  for (float x : vector) squares += double{x} * x;
  if (squares == 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= scale;
}

struct WeightedWord {
  const Token* token;
  WordId word;
  float weight;
};

// The prompt's own weights know what is typical of prompts, WordNet's counts know rare words: the
// geometric mean of both is better than either.
WeightedWord Weigh(const Token& token, const WordNet& net) {
  if (!token.content) return {&token, kNoWord, token.weight};
  const WordId word = token.word;
  const double p = word == kNoWord ? 0 : net.Frequency(word);
  return {&token, word,
          static_cast<float>(std::sqrt(token.weight * kCommonWord / (kCommonWord + p)))};
}

void AddLexical(std::span<const WeightedWord> words, Part out) {
  std::uint64_t before = 0;
  float weight_before = 0;
  for (const WeightedWord& word : words) {
    const std::uint64_t lemma = Hash(word.token->lemma, kLemmaSeed);
    Add(lemma, word.weight, out);
    AddGrams(*word.token, word.weight, out);
    if (before != 0) {
      const float weight = kBigramShare * std::sqrt(weight_before * word.weight);
      Add(Mix((before * 31 + lemma) ^ kBigramSeed), weight, out);
    }
    before = lemma;
    weight_before = word.weight;
  }
}

// A word WordNet does not know is a concept of its own, in a random direction.
void AddUnknown(std::string_view lemma, float weight, ConceptPart out) {
  const float each = weight / std::sqrt(static_cast<float>(out.size()));
  std::uint64_t bits = Hash(lemma, kUnknownSeed);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 64 == 0) bits = Mix(bits + kUnknownSeed);
    out[i] += (bits >> (i % 64) & 1) != 0 ? each : -each;
  }
}

void AddConcepts(std::span<const WeightedWord> words, const WordNet& net, ConceptPart out) {
  for (const WeightedWord& word : words) {
    if (!word.token->content) continue;
    if (word.word == kNoWord) {
      AddUnknown(word.token->lemma, word.weight, out);
    } else {
      net.AddConcept(word.word, word.weight, out);
    }
  }
}

class BuiltInEmbedder final : public Embedder {
 public:
  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override { return kDimensions; }
  Task<Result<Embedding>> Embed(const Prompt& prompt) override { co_return EmbedBuiltIn(prompt); }

 private:
  // With another WordNet the same text gives another vector.
  const std::string identity_ = fmt::format("builtin-2/{}/{:08x}", kDimensions,
                                            WordNet::BuiltIn().ConceptsChecksum() & 0xffffffff);
};

}  // namespace

Embedding EmbedBuiltIn(const Prompt& prompt) {
  const WordNet& net = WordNet::BuiltIn();
  std::vector<WeightedWord> words;
  words.reserve(prompt.tokens.size());
  for (const Token& token : prompt.tokens) words.push_back(Weigh(token, net));
  Embedding out(kDimensions, 0.0f);
  const Part lexical = Part(out).first(kLexicalDimensions);
  const auto concepts = Part(out).last<kConceptDimensions>();
  AddLexical(words, lexical);
  AddConcepts(words, net, concepts);
  Normalize(lexical);
  Normalize(concepts);
  Normalize(out);
  return out;
}

std::unique_ptr<Embedder> MakeBuiltInEmbedder() {
  return std::make_unique<BuiltInEmbedder>();
}

}  // namespace reprise
