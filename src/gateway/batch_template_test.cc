#include "gateway/batch_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const TemplateVariables kVariables = {{"client", "Acme"}, {"x-1", "{{client}}"}};

std::string Filled(const std::string& text) {
  json value = text;
  const auto filled = FillTemplates(kVariables, value, 1000);
  EXPECT_TRUE(filled) << filled.error().message;
  return value.get<std::string>();
}

TEST(FillTemplates, ReplacesNames) {
  EXPECT_EQ(Filled("for {{client}}, by {{ client }}"), "for Acme, by Acme");
  EXPECT_EQ(Filled("{{client}}{{client}}"), "AcmeAcme");
  EXPECT_EQ(Filled(""), "");
}

TEST(FillTemplates, DoesNotLookAtWhatItPutIn) {
  EXPECT_EQ(Filled("{{x-1}}"), "{{client}}");
}

TEST(FillTemplates, LeavesOtherBracesAlone) {
  for (const char* text : {"{{", "}}", "{{}}", "{{ }}", "{client}", "{{two words}}", "{{client",
                           "a {{ \"json\": 1 }}"}) {
    EXPECT_EQ(Filled(text), text);
  }
  EXPECT_EQ(Filled("{{{client}}}"), "{Acme}");
  EXPECT_EQ(Filled("{{ a b }} {{client}}"), "{{ a b }} Acme");
}

TEST(FillTemplates, FillsEveryTextBelow) {
  json value = {{"prompt", "{{client}}"}, {"tags", {"{{client}}", 5}}, {"n", 1}};
  ASSERT_TRUE(FillTemplates(kVariables, value, 1000));
  EXPECT_EQ(value, (json{{"prompt", "Acme"}, {"tags", {"Acme", 5}}, {"n", 1}}));
}

// Time limits are for benchmarks: looked for to the end of the text at each brace, this would take
// an hour.
TEST(FillTemplates, ATextOfBracesCostsNoMoreThanAnother) {
  json value = std::string(8u << 20, '{') + "}}";
  const std::string text = value.get<std::string>();
  ASSERT_TRUE(FillTemplates(kVariables, value, text.size()));
  EXPECT_EQ(value.get_ref<const std::string&>(), text);
}

TEST(FillTemplates, StopsWhereTheRoomEnds) {
  const TemplateVariables long_one = {{"v", std::string(1000, 'a')}};
  json fits = {"{{v}}", "{{v}}!"}, larger = {"{{v}}", "{{v}}!!"};
  EXPECT_TRUE(FillTemplates(long_one, fits, 2001));
  const auto filled = FillTemplates(long_one, larger, 2001);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, Code::kTooLarge);
}

TEST(FillTemplates, NamesWhatIsUnknown) {
  json value = {{"prompt", "{{clint}}"}};
  const auto filled = FillTemplates(kVariables, value, 1000);
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, Code::kInvalidArgument);
  EXPECT_THAT(filled.error().message, HasSubstr("{{clint}}"));
  EXPECT_THAT(filled.error().message, HasSubstr("client, x-1"));
}

}  // namespace
}  // namespace reprise
