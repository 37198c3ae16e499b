#include "cache/corrections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Digest Key(const char* text, const char* tenant = "t") {
  return TextKey(tenant, Analyze(text));
}

TEST(TextKey, IsTheTextAsTheVerifierSeesEquality) {
  EXPECT_EQ(Key("A Red  FOX"), Key("a red fox"));
  EXPECT_NE(Key("a red fox"), Key("a blue fox"));
  EXPECT_NE(Key("a sign saying \"Open\""), Key("a sign saying \"OPEN\""));
  EXPECT_NE(Key("a red fox", "t"), Key("a red fox", "u"));
  EXPECT_NE(Key("b", "a"), Key("", "ab"));
}

TEST(CorrectionsTest, APairHoldsBothWaysAndTheLastWordCounts) {
  Corrections corrections;
  const Digest a = Key("a"), b = Key("b"), c = Key("c");
  EXPECT_EQ(corrections.Find(a, b), std::nullopt);
  corrections.Put("t", a, b, false);
  corrections.Put("t", b, a, false);
  corrections.Put("t", a, c, false);
  EXPECT_EQ(corrections.Find(b, a), false);
  EXPECT_THAT(corrections.RefusedWith(a), ElementsAre(b, c));
  EXPECT_THAT(corrections.RefusedWith(b), ElementsAre(a));
  EXPECT_EQ(corrections.refused(), 2u);

  corrections.Put("t", b, a, true);
  EXPECT_EQ(corrections.Find(a, b), true);
  EXPECT_THAT(corrections.RefusedWith(a), ElementsAre(c));
  EXPECT_THAT(corrections.RefusedWith(b), IsEmpty());
  EXPECT_EQ(corrections.size(), 2u);
  EXPECT_EQ(corrections.refused(), 1u);

  corrections.Remove("t", a, b);
  corrections.Remove("t", a, c);
  corrections.Remove("t", a, c);
  EXPECT_EQ(corrections.size(), 0u);
  EXPECT_EQ(corrections.refused(), 0u);
  EXPECT_THAT(corrections.RefusedWith(a), IsEmpty());
}

// One tenant's corrections leave the others theirs.
TEST(CorrectionsTest, ATenantHasATenthWhateverTheOthersHave) {
  Corrections corrections(20);
  for (char c = 'a'; c < 'a' + 20; ++c) {
    ASSERT_TRUE(corrections.HasRoomFor("t"));
    corrections.Put("t", Key("x"), Key(std::string(1, c).c_str()), false);
  }
  EXPECT_FALSE(corrections.HasRoomFor("t"));
  for (const char* text : {"a", "b"}) {
    ASSERT_TRUE(corrections.HasRoomFor("u"));
    corrections.Put("u", Key("x", "u"), Key(text, "u"), false);
    corrections.Put("u", Key("x", "u"), Key(text, "u"), true);  // no further one
  }
  EXPECT_FALSE(corrections.HasRoomFor("u"));
  EXPECT_TRUE(corrections.HasRoomFor("v"));
  corrections.Remove("u", Key("x", "u"), Key("a", "u"));
  corrections.Remove("u", Key("x", "u"), Key("a", "u"));
  EXPECT_TRUE(corrections.HasRoomFor("u"));
}

}  // namespace
}  // namespace reprise
