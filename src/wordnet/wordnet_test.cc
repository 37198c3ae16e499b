#include "wordnet/wordnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "wordnet/compile.h"

namespace reprise {
namespace {

const WordNet& Net() {
  return WordNet::BuiltIn();
}

bool ShareSynset(std::string_view a, std::string_view b) {
  for (const Sense& x : Net().Senses(Net().Find(a))) {
    for (const Sense& y : Net().Senses(Net().Find(b))) {
      if (x.synset == y.synset) return true;
    }
  }
  return false;
}

TEST(BuiltInWordNet, KnowsWordsAndCollocations) {
  for (const char* word : {"dog", "ice cream", "run", "wooden", "quickly"}) {
    ASSERT_NE(Net().Find(word), kNoWord) << word;
    EXPECT_EQ(Net().Text(Net().Find(word)), word);
  }
  for (const char* word : {"", "Dog", "blorptang", "собака", "ice  cream"}) {
    EXPECT_EQ(Net().Find(word), kNoWord) << word;
  }
  EXPECT_TRUE(Net().BeginsCollocation(Net().Find("ice")));
  EXPECT_FALSE(Net().BeginsCollocation(Net().Find("quickly")));
}

TEST(BuiltInWordNet, PutsSynonymsIntoOneSynset) {
  EXPECT_TRUE(ShareSynset("car", "automobile"));
  EXPECT_TRUE(ShareSynset("sofa", "couch"));
  EXPECT_FALSE(ShareSynset("dog", "cat"));
}

TEST(BuiltInWordNet, ListsTheMostFrequentSenseFirst) {
  const auto senses = Net().Senses(Net().Find("dog"));
  ASSERT_GE(senses.size(), 2u);
  EXPECT_EQ(senses[0].pos, PartOfSpeech::kNoun);
  EXPECT_EQ(senses[0].rank, 0);
  EXPECT_EQ(Net().Field(senses[0].synset), 5);  // noun.animal
  EXPECT_GT(senses[0].count, senses[1].count);
  EXPECT_GT(Net().Depth(senses[0].synset), 5);
}

TEST(BuiltInWordNet, LinksAntonymsAndDerivedWordsBothWays) {
  const WordId hot = Net().Find("hot"), cold = Net().Find("cold"), red = Net().Find("red");
  EXPECT_TRUE(Net().AreAntonyms(hot, cold));
  EXPECT_TRUE(Net().AreAntonyms(cold, hot));
  EXPECT_FALSE(Net().AreAntonyms(hot, red));
  const WordId wood = Net().Find("wood"), wooden = Net().Find("wooden");
  EXPECT_TRUE(Net().AreDerived(wood, wooden));
  EXPECT_TRUE(Net().AreDerived(wooden, wood));
}

TEST(BuiltInWordNet, ResolvesIrregularForms) {
  const auto mice = Net().Irregular("mice");
  ASSERT_EQ(mice.size(), 1u);
  EXPECT_EQ(Net().Text(mice[0].word), "mouse");
  EXPECT_THAT(Net().Irregular("dogs"), testing::IsEmpty());
}

TEST(BuiltInWordNet, TellsCommonWordsFromRareOnes) {
  EXPECT_GT(Net().Frequency(Net().Find("water")), 10 * Net().Frequency(Net().Find("zeppelin")));
  EXPECT_GT(Net().Frequency(Net().Find("zeppelin")), 0);
}

double Relatedness(std::string_view a, std::string_view b) {
  return Net().Relatedness(Net().Find(a), Net().Find(b));
}

TEST(BuiltInWordNet, PlacesRelatedWordsNearEachOther) {
  EXPECT_NEAR(Relatedness("dog", "dog"), 1, 1e-6);
  EXPECT_GT(Relatedness("ocean", "sea"), 0.6);
  EXPECT_GT(Relatedness("beach", "shore"), 0.6);
  EXPECT_GT(Relatedness("kitten", "kitty"), 0.6);
  EXPECT_GT(Relatedness("dog", "puppy"), Relatedness("dog", "horse"));
  EXPECT_LT(std::abs(Relatedness("dog", "car")), 0.3);
  EXPECT_LT(std::abs(Relatedness("sofa", "waterfall")), 0.3);
}

TEST(BuiltInWordNet, KeepsTheNotice) {
  EXPECT_THAT(std::string(Net().Notice()), testing::HasSubstr("Princeton University"));
}

// ---- compiling ----

// A WordNet of two nouns, one verb and nothing else.
class SmallWordNet : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(dir_);
    for (const char* kind : {"noun", "verb", "adj", "adv"}) {
      for (const char* file : {"data.", "index."}) Write(std::string(file) + kind, "");
      Write(std::string(kind) + ".exc", "");
    }
    Write("data.noun",
          "  1 The notice.  \n"
          "00000100 05 n 01 Animal 0 000 | a living thing  \n"
          "00000200 05 n 02 dog 0 hot_dog 1 001 @ 00000100 n 0000 | an animal that barks  \n");
    Write("index.noun",
          "animal n 1 0 1 0 00000100  \n"
          "dog n 1 1 @ 1 1 00000200  \n"
          "hot_dog n 1 1 @ 1 1 00000200  \n");
    Write("noun.exc", "dogz dog\n");
    Write("cntlist.rev", "dog%1:05:00:: 1 42\n");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, std::string_view text) { std::ofstream(dir_ / name) << text; }

  std::string Compile() {
    const auto source = ReadWordNet(dir_);
    EXPECT_TRUE(source.has_value()) << (source ? "" : source.error().message);
    return source ? CompileWordNet(*source) : "";
  }

  // 8-aligned, as Open wants it.
  static Result<std::unique_ptr<WordNet>> Open(const std::string& table) {
    return WordNet::Open({reinterpret_cast<const std::byte*>(table.data()), table.size()});
  }

  std::filesystem::path dir_;
};

TEST_F(SmallWordNet, IsReadBackAsWritten) {
  const std::string table = Compile();
  const auto net = Open(table);
  ASSERT_TRUE(net.has_value()) << net.error().message;
  const WordId dog = (*net)->Find("dog");
  ASSERT_NE(dog, kNoWord);
  ASSERT_EQ((*net)->Senses(dog).size(), 1u);
  const Sense& sense = (*net)->Senses(dog)[0];
  EXPECT_EQ(sense.count, 42);
  ASSERT_EQ((*net)->Hypernyms(sense.synset).size(), 1u);
  EXPECT_EQ((*net)->Senses((*net)->Find("animal"))[0].synset, (*net)->Hypernyms(sense.synset)[0]);
  EXPECT_NE((*net)->Find("hot dog"), kNoWord);
  EXPECT_EQ((*net)->Irregular("dogz")[0].word, dog);
  EXPECT_EQ((*net)->Notice(), "The notice.  \n");
  EXPECT_EQ(table, Compile()) << "equal sources give equal bytes";
}

TEST_F(SmallWordNet, RefusesMissingFilesAndStrangeLines) {
  Write("data.noun", "00000100 05 n zz\n");
  const auto strange = ReadWordNet(dir_);
  ASSERT_FALSE(strange.has_value());
  EXPECT_THAT(strange.error().message, testing::HasSubstr("data.noun:1"));
  std::filesystem::remove(dir_ / "index.verb");
  Write("data.noun", "00000100 05 n 01 animal 0 000 | a living thing  \n");
  Write("index.noun", "");
  const auto missing = ReadWordNet(dir_);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
}

TEST_F(SmallWordNet, RefusesDamagedTables) {
  const std::string table = Compile();
  EXPECT_FALSE(Open("").has_value());
  EXPECT_FALSE(Open(table.substr(0, 100)).has_value());
  EXPECT_FALSE(Open(table.substr(0, table.size() - 8)).has_value());
  std::string other = table;
  other[8] = 99;  // the version
  const auto version = Open(other);
  ASSERT_FALSE(version.has_value());
  EXPECT_THAT(version.error().message, testing::HasSubstr("version 99"));
}

// Whatever is wrong with a table, opening it may fail but must not read outside.
TEST_F(SmallWordNet, ChecksEveryOffset) {
  const std::string table = Compile();
  for (std::size_t at = 8; at + 4 <= table.size(); at += 4) {
    std::string damaged = table;
    std::memset(damaged.data() + at, 0xff, 4);
    const auto net = Open(damaged);
    if (!net) continue;
    for (const char* word : {"dog", "animal", "hot dog", "cat"}) {
      const WordId id = (*net)->Find(word);
      if (id == kNoWord) continue;
      for (const Sense& sense : (*net)->Senses(id)) (*net)->Hypernyms(sense.synset);
      (*net)->Relatedness(id, id);
    }
    (*net)->Irregular("dogz");
  }
}

}  // namespace
}  // namespace reprise
