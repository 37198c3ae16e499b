#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace reprise::http {
namespace {

using ::testing::HasSubstr;

std::string Part(const std::string& headers, const std::string& body) {
  return "--b\r\n" + headers + "\r\n\r\n" + body + "\r\n";
}
std::string Field(const std::string& name, const std::string& body) {
  return Part("Content-Disposition: form-data; name=\"" + name + "\"", body);
}
Result<std::vector<FormPart>> Parse(const std::string& body, const FormLimits& limits = {}) {
  static std::string kept;  // parts are views
  kept = body;
  return ParseForm(kept, "b", limits);
}
// The one part of a form that must be fine.
FormPart One(const std::string& body) {
  auto parts = Parse(body);
  EXPECT_TRUE(parts) << parts.error().message;
  EXPECT_TRUE(!parts || parts->size() == 1u);
  return parts && !parts->empty() ? parts->front() : FormPart{};
}

TEST(FormBoundary, IsNamedByTheContentType) {
  EXPECT_EQ(*FormBoundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(*FormBoundary("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b'\""), "a b'");
  EXPECT_EQ(*FormBoundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4"),
            "----WebKitFormBoundary7MA4");
  EXPECT_TRUE(FormBoundary("multipart/form-data; boundary=" + std::string(70, 'x')));
}

TEST(FormBoundary, RefusesWhatIsNone) {
  for (const std::string& type :
       {std::string("application/json"), std::string("multipart/mixed; boundary=b"),
        std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"\""),
        std::string("multipart/form-data; boundary=\"a"),
        std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=a; boundary=b"),
        std::string("multipart/form-data; boundary=a*b"),
        "multipart/form-data; boundary=" + std::string(71, 'x')}) {
    EXPECT_FALSE(FormBoundary(type)) << type;
  }
}

TEST(ParseForm, GivesFieldsAndFiles) {
  const auto parts = Parse(Field("prompt", "a fox") +
                           Part("content-disposition: form-data; name=image; "
                                "filename=\"fox.png\"\r\nContent-Type: image/png",
                                std::string("\x89PNG\r\n\0\r\n--", 11)) +
                           "--b--\r\n");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "prompt");
  EXPECT_EQ((*parts)[0].body, "a fox");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ((*parts)[1].name, "image");
  EXPECT_EQ((*parts)[1].filename, "fox.png");
  EXPECT_EQ((*parts)[1].content_type, "image/png");
  EXPECT_EQ((*parts)[1].body, std::string_view("\x89PNG\r\n\0\r\n--", 11));
}

TEST(ParseForm, PreambleEpilogueAndBlanksAreAllowed) {
  EXPECT_EQ(One("ignored\r\n" + Field("a", "1") + "--b-- \r\nignored --b").body, "1");
  EXPECT_EQ(One("--b \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--").body, "1");
}

TEST(ParseForm, BodiesMayBeEmptyAndMayHoldWhatLooksLikeABoundary) {
  EXPECT_EQ(One(Field("a", "") + "--b--").body, "");
  EXPECT_EQ(One(Field("a", "x--b--\r\n-b\n--b\r--b") + "--b--").body, "x--b--\r\n-b\n--b\r--b");
}

TEST(ParseForm, AnEmptyFormHasNoParts) {
  EXPECT_TRUE(Parse("--b--\r\n")->empty());
}

TEST(ParseForm, NamesMayHaveQuotesSemicolonsAndBackslashes) {
  const FormPart part =
      One(Part(R"(Content-Disposition: form-data; filename="C:\a\"b\\;.png"; name="a;b=c")", "1") +
          "--b--");
  EXPECT_EQ(part.name, "a;b=c");
  EXPECT_EQ(part.filename, "C:\\a\"b\\;.png");
}

TEST(ParseForm, RefusesWhatIsBroken) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "does not contain the boundary"},
      {"--c\r\n", "does not contain the boundary"},
      {"x--b--", "does not contain the boundary"},
      {Field("a", "1"), "cut off"},
      {Field("a", "1") + "--b", "no end of line"},
      {Field("a", "1") + "--bc\r\n", "no end of line"},
      {Field("a", "1") + "--b-\r\n", "no end of line"},
      {"--b\r\n", "ends within its headers"},
      {"--b\nContent-Disposition: form-data; name=a\n\n1\n--b--", "no end of line"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\n--b--", "ends within its headers"},
      {"--b\r\nContent-Disposition: form-data; name=a\r\n--b\r\n\r\n", "no blank line"},
      {"--b\r\n\r\n1\r\n--b--", "ends within its headers"},
      {Part("Content-Type: text/plain", "1") + "--b--", "no Content-Disposition"},
      {Part("Content-Disposition: attachment; name=a", "1") + "--b--", "needs one"},
      {Part("Content-Disposition: form-data", "1") + "--b--", "has no name"},
      {Part("Content-Disposition: form-data; name=\"\"", "1") + "--b--", "has no name"},
      {Part("Content-Disposition: form-data; name=\"a", "1") + "--b--", "needs one"},
      {Part("Content-Disposition: form-data; name=a; name=b", "1") + "--b--", "needs one"},
      {Part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "1") +
           "--b--",
       "needs one"},
      {Part("Content-Disposition: form-data; name=a\r\nbroken", "1") + "--b--", "that is none"},
      {Part("Content-Disposition : form-data; name=a", "1") + "--b--", "that is none"},
      {Part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "MQ==") +
           "--b--",
       "as they are"},
      {Part("Content-Disposition: form-data; name=\"a\nb\"", "1") + "--b--", "control character"},
  };
  for (const auto& [body, message] : cases) {
    const auto parts = Parse(body);
    ASSERT_FALSE(parts) << body;
    EXPECT_EQ(parts.error().code, Code::kInvalidArgument) << body;
    EXPECT_THAT(parts.error().message, HasSubstr(message)) << body;
  }
}

TEST(ParseForm, FloodsAreTooLarge) {
  std::string many;
  for (int i = 0; i < 4; ++i) many += Field("a", "");
  EXPECT_TRUE(Parse(many + "--b--", {.parts = 4}));
  auto parts = Parse(many + "--b--", {.parts = 3});
  ASSERT_FALSE(parts);
  EXPECT_EQ(parts.error().code, Code::kTooLarge);

  std::string headers = "Content-Disposition: form-data; name=a";
  for (int i = 0; i < 1000; ++i) headers += "\r\nX-" + std::to_string(i) + ": y";
  parts = Parse(Part(headers, "1") + "--b--");
  ASSERT_FALSE(parts);
  EXPECT_EQ(parts.error().code, Code::kTooLarge);
}

// Whatever is done to a form, it is read or refused, and what is read lies within it.
TEST(ParseForm, SurvivesDamage) {
  const std::string whole = "before\r\n" + Field("prompt", "a fox") +
                            Part(
                                "Content-Disposition: form-data; name=\"image\"; filename=\"f\"\r\n"
                                "Content-Type: image/png",
                                "\x89PNG\r\n--b") +
                            "--b--\r\nafter";
  std::mt19937 random(7);
  const std::string_view pieces[] = {"\r\n", "--b", "--", "\"", ";", "=", "\r\n\r\n", ":", "\\"};
  for (int round = 0; round < 20'000; ++round) {
    std::string body = whole;
    for (unsigned change = random() % 4 + 1; change > 0; --change) {
      const std::size_t at = random() % (body.size() + 1);
      switch (random() % 3) {
        case 0:
          body.insert(at, pieces[random() % std::size(pieces)]);
          break;
        case 1:
          body.erase(at, random() % 8);
          break;
        default:
          if (at < body.size()) body[at] = static_cast<char>(random());
      }
    }
    const auto parts = ParseForm(body, "b");
    if (!parts) continue;
    for (const FormPart& part : *parts) {
      EXPECT_FALSE(part.name.empty());
      if (part.body.empty()) continue;
      EXPECT_GE(part.body.data(), body.data());
      EXPECT_LE(part.body.data() + part.body.size(), body.data() + body.size());
    }
  }
}

}  // namespace
}  // namespace reprise::http
