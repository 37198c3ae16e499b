#include "embed/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "embed/model_files_testing.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<TokenId>;

Tokenizer Make(const json& file) {
  auto tokenizer = Tokenizer::Parse(file.dump());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

Error TokenizerRefusal(const std::string& text) {
  const auto tokenizer = Tokenizer::Parse(text);
  EXPECT_FALSE(tokenizer) << text.substr(0, 200);
  return tokenizer ? Error{} : tokenizer.error();
}

// The tokens of a WordPiece tokenizer, by name.
class BertTokenizerTest : public ::testing::Test {
 protected:
  static constexpr TokenId kUnknown = 1, kCls = 2, kSep = 3;

  TokenId Id(const std::string& word) const {
    return file_["model"]["vocab"].at(word).get<TokenId>();
  }
  Ids IdsOf(const std::vector<std::string>& words) const {
    Ids ids;
    for (const std::string& word : words) ids.push_back(Id(word));
    return ids;
  }
  Ids Encode(const std::string& text) const { return Make(file_).Encode(text); }

  json file_ = BertTokenizerJson({"a", "red", "fox",  "##es", "f",     "##o",    "snow", "##y",
                                  "!", ",",   "cafe", "un",   "##aff", "##able", "日",   "本",
                                  "i", "σας", "##x",  "\"",   "--",    "-",      "…"});
};

TEST_F(BertTokenizerTest, SplitsWordsIntoTheLongestPieces) {
  EXPECT_EQ(Encode("a red fox"), IdsOf({"a", "red", "fox"}));
  EXPECT_EQ(Encode("foxes snowy unaffable"),
            IdsOf({"fox", "##es", "snow", "##y", "un", "##aff", "##able"}));
  EXPECT_EQ(Encode("foo"), IdsOf({"f", "##o", "##o"}));
}

TEST_F(BertTokenizerTest, NormalisesAsBertDoes) {
  EXPECT_EQ(Encode("A RED\tFox\n"), IdsOf({"a", "red", "fox"}));
  EXPECT_EQ(Encode("Café cafe\u0301"), IdsOf({"cafe", "cafe"}));
  EXPECT_EQ(Encode("re\u200bd f\u0007ox"), IdsOf({"red", "fox"}));  // format and control characters
  EXPECT_EQ(Encode("a\u00a0red\u3000fox"), IdsOf({"a", "red", "fox"}));
  EXPECT_EQ(Encode("日本"), IdsOf({"日", "本"}));
  EXPECT_EQ(Encode("İ"), IdsOf({"i"}));
  EXPECT_EQ(Encode("ΣΑΣ"), Ids{kUnknown}) << "a final sigma is not made";
  EXPECT_THAT(Encode(""), IsEmpty());
  EXPECT_THAT(Encode(" \t "), IsEmpty());
}

TEST_F(BertTokenizerTest, AccentsAndCaseStayWhereTheFileSaysSo) {
  file_["normalizer"]["lowercase"] = false;
  EXPECT_EQ(Encode("red RED café"), (Ids{Id("red"), kUnknown, kUnknown}));
  file_["normalizer"]["strip_accents"] = true;
  EXPECT_EQ(Encode("café"), IdsOf({"cafe"}));
}

TEST_F(BertTokenizerTest, PunctuationStandsAlone) {
  EXPECT_EQ(Encode("fox,fox!!"), IdsOf({"fox", ",", "fox", "!", "!"}));
  EXPECT_EQ(Encode("--"), IdsOf({"-", "-"}));
  EXPECT_EQ(Encode("fox…"), IdsOf({"fox", "…"}));
}

TEST_F(BertTokenizerTest, AWordWithAnUnknownPartIsUnknown) {
  EXPECT_EQ(Encode("foxq"), Ids{kUnknown});
  EXPECT_EQ(Encode("a ж fox"), (Ids{Id("a"), kUnknown, Id("fox")}));
  EXPECT_EQ(Encode("red" + std::string(98, 'x')), Ids{kUnknown}) << "longer than 100 characters";
  EXPECT_EQ(Encode("red" + std::string(97, 'x')).size(), 98u);
  EXPECT_EQ(Make(file_).unknown(), kUnknown);
}

TEST_F(BertTokenizerTest, AddedTokensAreFoundInTheText) {
  EXPECT_EQ(Encode("a[SEP]red [CLS]"), (Ids{Id("a"), kSep, Id("red"), kCls}));
  EXPECT_EQ(Encode("[sep]").size(), 3u) << "not a special token in lower case";
  json& added = file_["added_tokens"];
  added.push_back({{"id", 90}, {"content", "RED fox"}, {"normalized", true}});
  added.push_back({{"id", 91}, {"content", "RED"}, {"normalized", true}, {"single_word", true}});
  added.push_back(
      {{"id", 92}, {"content", "<m>"}, {"normalized", false}, {"lstrip", true}, {"rstrip", true}});
  EXPECT_EQ(Encode("a red FOX"), (Ids{Id("a"), 90})) << "the longest wins, in any case";
  EXPECT_EQ(Encode("red"), Ids{91});
  EXPECT_EQ(Encode("redx"), IdsOf({"red", "##x"})) << "only as a word of its own";
  EXPECT_EQ(Encode("a  <m>  fox"), (Ids{Id("a"), 92, Id("fox")}));
  EXPECT_EQ(Make(file_).max_id(), 92u);
}

TEST_F(BertTokenizerTest, FramesAndCuts) {
  const Tokenizer tokenizer = Make(file_);
  EXPECT_EQ(tokenizer.EncodeFramed("a red fox", 512),
            (Ids{kCls, Id("a"), Id("red"), Id("fox"), kSep}));
  EXPECT_EQ(tokenizer.EncodeFramed("a red fox", 4), (Ids{kCls, Id("a"), Id("red"), kSep}));
  EXPECT_EQ(tokenizer.EncodeFramed("", 512), (Ids{kCls, kSep}));
  EXPECT_EQ(tokenizer.truncation(), std::nullopt);
  file_["truncation"] = {{"max_length", 128}};
  EXPECT_EQ(Make(file_).truncation(), 128u);
  for (const char* type : {"BertProcessing", "RobertaProcessing"}) {
    file_["post_processor"] = {{"type", type}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
    EXPECT_EQ(Make(file_).EncodeFramed("a", 512), (Ids{kCls, Id("a"), kSep}));
  }
  file_["post_processor"] = nullptr;
  EXPECT_EQ(Make(file_).EncodeFramed("a", 512), Ids{Id("a")});
}

TEST_F(BertTokenizerTest, WordLevelKnowsWholeWords) {
  file_["model"]["type"] = "WordLevel";
  EXPECT_EQ(Encode("red foxes"), (Ids{Id("red"), kUnknown}));
  file_["pre_tokenizer"] = {{"type", "Whitespace"}};
  EXPECT_EQ(Encode("red-- fox"), IdsOf({"red", "--", "fox"}));
}

TEST_F(BertTokenizerTest, AnyBytesEncode) {
  const Tokenizer tokenizer = Make(file_);
  for (const char* text : {"\xff\xfe", "a\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "[\xe2\x80"}) {
    for (TokenId id : tokenizer.EncodeFramed(text, 16)) EXPECT_LE(id, tokenizer.max_id());
  }
}

TEST_F(BertTokenizerTest, OtherKindsAreRefusedByName) {
  const std::tuple<const char*, json, const char*> cases[] = {
      {"/model/type", "BPE", "its model is of the type 'BPE'; supported are WordPiece"},
      {"/normalizer", {{"type", "Nmt"}}, "its normalizer is of the type 'Nmt'"},
      {"/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Odd"}}}}}, "'Odd'"},
      {"/normalizer",
       {{"type", "Replace"}, {"pattern", {{"Regex", "("}}}, {"content", ""}},
       "'(' of a Replace normalizer"},
      {"/pre_tokenizer", {{"type", "ByteLevel"}}, "its pre-tokenizer is of the type 'ByteLevel'"},
      {"/pre_tokenizer", {{"type", "Punctuation"}, {"behavior", "Removed"}}, "'Removed'"},
      {"/post_processor", {{"type", "Odd"}}, "its post-processor is of the type 'Odd'"},
  };
  for (const auto& [where, value, message] : cases) {
    json file = file_;
    file[json::json_pointer(where)] = value;
    const Error error = TokenizerRefusal(file.dump());
    EXPECT_EQ(error.code, Code::kInvalidArgument) << where;
    EXPECT_THAT(error.message, HasSubstr(message));
  }
}

TEST_F(BertTokenizerTest, DamagedFilesAreRefused) {
  const std::string text = file_.dump();
  for (std::size_t size = 0; size < text.size(); size += 7) {
    EXPECT_EQ(TokenizerRefusal(text.substr(0, size)).code, Code::kCorrupt) << size;
  }
  EXPECT_EQ(TokenizerRefusal("{\"model\":\"\xff\"}").code, Code::kCorrupt) << "invalid UTF-8";
  const std::pair<const char*, json> cases[] = {
      {"/model", nullptr},
      {"/model", 7},
      {"/model/vocab", nullptr},
      {"/model/vocab", json::object()},
      {"/model/vocab", {{"a", -1}}},
      {"/model/vocab", {{"a", 1.5}}},
      {"/model/vocab", {{"a", 4'294'967'296}}},
      {"/model/vocab", {{"a", 10'000'000}}},
      {"/model/unk_token", 7},
      {"/model/max_input_chars_per_word", "many"},
      {"/added_tokens", {{{"id", -1}, {"content", "x"}}}},
      {"/added_tokens", {{{"id", 4'294'967'296}, {"content", "x"}}}},
      {"/added_tokens", {{{"content", "x"}}}},
      {"/added_tokens", {7}},
      {"/normalizer", {{"type", 7}}},
      {"/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}},
      {"/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "////////"}}},
      {"/normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "x"}}},
      {"/post_processor/special_tokens", json::object()},
      {"/truncation", json::object()},
  };
  for (const auto& [where, value] : cases) {
    json file = file_;
    file[json::json_pointer(where)] = value;
    EXPECT_EQ(TokenizerRefusal(file.dump()).code, Code::kCorrupt) << where << " " << value;
  }
}

TEST(TokenizerLoad, NamesTheFile) {
  ScratchFolder folder;
  folder.Write("tokenizer.json", "{}");
  for (const char* name : {"tokenizer.json", "none.json"}) {
    const auto tokenizer = Tokenizer::Load(folder.path() / name);
    ASSERT_FALSE(tokenizer);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(name));
  }
}

// Unigram as model2vec makes it: spaces are part of the pieces.
class UnigramTest : public ::testing::Test {
 protected:
  json file_ = {
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "Metaspace"},
        {"replacement", "▁"},
        {"prepend_scheme", "always"},
        {"split", false}}},
      {"model",
       {{"type", "Unigram"},
        {"unk_id", 0},
        {"vocab", json::parse(R"([["<unk>", 0.0], ["▁a", -1.0], ["▁red", -2.0], ["▁fox", -3.0],
                                     ["▁red▁fox", -4.0], ["fox", -6.0], ["▁", -7.0],
                                     ["é", -5.0], ["d", -9.0]])")}}}};

  Ids Encode(const std::string& text) const { return Make(file_).Encode(text); }
};

TEST_F(UnigramTest, FindsTheBestSegmentation) {
  EXPECT_EQ(Encode("a red fox"), (Ids{1, 4})) << "-4 is better than -2 and -3";
  EXPECT_EQ(Encode("red a"), (Ids{2, 1}));
  EXPECT_EQ(Encode("redfox"), (Ids{2, 5}));
  EXPECT_EQ(Encode("é"), (Ids{6, 7}));
  EXPECT_THAT(Encode(""), IsEmpty());
}

TEST_F(UnigramTest, UnknownCharactersAreOneUnknown) {
  EXPECT_EQ(Encode("a zzq red"), (Ids{1, 6, 0, 2}));
  EXPECT_EQ(Encode("azz<unk>q"), (Ids{1, 0})) << "its name is as unknown";
  EXPECT_EQ(Make(file_).unknown(), 0u);
  file_["model"].erase("unk_id");
  EXPECT_EQ(Encode("a zzq red"), (Ids{1, 6, 2})) << "without an unknown token they go";
}

TEST_F(UnigramTest, BytesStandInForUnknownCharacters) {
  json& vocab = file_["model"]["vocab"];
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
    vocab.push_back({name, -20.0});
  }
  file_["model"]["byte_fallback"] = true;
  EXPECT_EQ(Encode("aж"), (Ids{1, 9 + 0xd0, 9 + 0xb6}));
}

TEST_F(UnigramTest, MetaspaceSplitsAndPrepends) {
  json& metaspace = file_["pre_tokenizer"];
  metaspace["split"] = true;
  EXPECT_EQ(Encode("a red fox"), (Ids{1, 2, 3})) << "a piece does not cross words";
  metaspace["prepend_scheme"] = "never";
  EXPECT_EQ(Encode("fox red"), (Ids{5, 2}));
  metaspace["prepend_scheme"] = "first";
  file_["added_tokens"] = {{{"id", 8}, {"content", "|"}, {"normalized", false}}};
  EXPECT_EQ(Encode("fox|fox"), (Ids{3, 8, 5}));
  metaspace = {{"type", "Metaspace"}, {"replacement", "▁"}, {"add_prefix_space", false}};
  EXPECT_EQ(Encode("fox"), Ids{5}) << "as older files say it";
}

TEST_F(UnigramTest, NormalizersOfConvertedModels) {
  file_["normalizer"] = json::parse(R"({"type":"Sequence","normalizers":[
      {"type":"NFKC"}, {"type":"Lowercase"}, {"type":"StripAccents"},
      {"type":"Replace","pattern":{"String":","},"content":" , "},
      {"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},
      {"type":"Strip","strip_left":true,"strip_right":true}]})");
  EXPECT_EQ(Encode("  A ,, RED\t ﬀ "), (Ids{1, 6, 0, 6, 0, 2, 6, 0}));
  EXPECT_EQ(Encode("RED   FOX  "), Ids{4});
  EXPECT_THAT(Encode("  "), IsEmpty());
  EXPECT_EQ(Encode("re\u0940d fox"), Ids{4}) << "spacing marks are accents too";
  file_["normalizer"] = {{"type", "Prepend"}, {"prepend", "red "}};
  EXPECT_EQ(Encode("fox"), Ids{4});
  file_["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "q(.)"}}}, {"content", "$1"}};
  EXPECT_EQ(Encode("aqd"), (Ids{1, 0})) << "the content is literal";
}

// A double-array trie with the one key "Q", replaced by "a": root's offset is 1, so the node of 'Q'
// (0x51) is 0x50; its offset is 0x100, where its value stands.
TEST_F(UnigramTest, SentencePiecesCharacterMap) {
  std::vector<std::uint32_t> units(0x200, 0xff);
  units[0] = 1u << 10;
  units[0x50] = 0x51 | 1u << 8 | 0x100u << 10;
  units[0x150] = 0;  // the value: offset 0 of the replacements
  const std::string map = BytesOf<std::uint32_t>({static_cast<std::uint32_t>(units.size() * 4)}) +
                          BytesOf(units) + std::string("a\0", 2);
  file_["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", Base64Encode(map)}};
  EXPECT_EQ(Encode("Q red"), (Ids{1, 2}));
  EXPECT_EQ(Encode("a red"), (Ids{1, 2}));
}

TEST_F(UnigramTest, DamagedVocabulariesAreRefused) {
  const std::pair<const char*, json> cases[] = {
      {"/model/vocab", json::array()},
      {"/model/vocab", json::parse(R"([["a", "b"]])")},
      {"/model/vocab", json::parse("[[7, 0.0]]")},
      {"/model/vocab", json::parse(R"([["a"]])")},
      {"/model/vocab", json::array({json::array({std::string(2000, 'a'), 0.0})})},
      {"/model/unk_id", 9},
      {"/model/unk_id", -1},
      {"/model/unk_id", "<unk>"},
  };
  for (const auto& [where, value] : cases) {
    json file = file_;
    file[json::json_pointer(where)] = value;
    EXPECT_EQ(TokenizerRefusal(file.dump()).code, Code::kCorrupt) << where << " " << value;
  }
}

}  // namespace
}  // namespace reprise
