#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Handler Named(std::string name) {
  return [name](RequestPtr) -> Task<Response> { co_return Json(200, name); };
}

// The text of the handler that was found, or "" when none was.
std::string Found(const Router::Match& match) {
  if (!match.handler) return "";
  asio::io_context context;
  std::string text;
  Spawn(
      Strand(context),
      [](const Handler* handler, std::string& out) -> Task<> {
        const Response response = co_await (*handler)(std::make_shared<const Request>());
        out = response.BodyView();
      }(match.handler, text),
      [](std::exception_ptr) {});
  context.run();
  return text;
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    router_.Add("GET", "/", Named("root"));
    router_.Add("GET", "/images/latest", Named("latest"));
    router_.Add("GET", "/images/{file}", Named("image"));
    router_.Add("DELETE", "/images/{file}", Named("remove"));
    router_.Add("GET", "/images/all", Named("all"));
    router_.Add("POST", "/v1/images/generations", Named("generate"));
    router_.Add("GET", "/users/{user}/images/{file}", Named("theirs"));
  }
  std::string Get(std::string_view path) { return Found(router_.Find("GET", path)); }

  Router router_;
};

TEST_F(RouterTest, FindsLiteralPaths) {
  EXPECT_EQ(Get("/"), "root");
  EXPECT_EQ(Found(router_.Find("POST", "/v1/images/generations")), "generate");
  EXPECT_EQ(Get("/v1"), "");
  EXPECT_EQ(Get("/v1/images/generations/more"), "");
  EXPECT_EQ(Get("/IMAGES/latest"), "") << "paths are case-sensitive";
}

TEST_F(RouterTest, PrefersALiteralOverANameWhicheverCameFirst) {
  EXPECT_EQ(Get("/images/latest"), "latest");
  EXPECT_EQ(Get("/images/all"), "all");
  EXPECT_EQ(Get("/images/a.png"), "image");
}

TEST_F(RouterTest, ALiteralOfAnotherMethodDoesNotHideTheName) {
  EXPECT_EQ(Found(router_.Find("DELETE", "/images/latest")), "remove");
}

TEST_F(RouterTest, AnswersHeadByGet) {
  EXPECT_EQ(Found(router_.Find("HEAD", "/images/latest")), "latest");
  EXPECT_EQ(router_.Find("HEAD", "/v1/images/generations").handler, nullptr);
}

TEST_F(RouterTest, SaysWhichMethodsAPathHas) {
  EXPECT_EQ(router_.Find("GET", "/v1/images/generations").allow, "POST");
  EXPECT_EQ(router_.Find("PUT", "/").allow, "GET, HEAD");
  EXPECT_EQ(router_.Find("PUT", "/images/x").allow, "GET, HEAD, DELETE");
  EXPECT_EQ(router_.Find("get", "/").allow, "GET, HEAD") << "methods are case-sensitive";
  EXPECT_EQ(router_.Find("GET", "/nowhere").allow, "");
}

TEST_F(RouterTest, NamesEachAllowedMethodOnce) {
  EXPECT_EQ(router_.Find("PUT", "/images/all").allow, "GET, HEAD, DELETE");
}

TEST_F(RouterTest, EmptySegmentsMatchNoName) {
  EXPECT_EQ(Get("/images/"), "");
  EXPECT_EQ(Get("/images"), "");
  EXPECT_EQ(Get("/images//"), "");
  EXPECT_EQ(Get("//images/x"), "");
  EXPECT_EQ(Get("/users//images/x"), "");
  EXPECT_EQ(Get("/images/latest/"), "");
  EXPECT_EQ(Get(""), "root");
}

TEST_F(RouterTest, GivesTheNamesInTheirOrderDecoded) {
  EXPECT_THAT(router_.Find("GET", "/users/a%20b/images/c.png").params, ElementsAre("a b", "c.png"));
  EXPECT_THAT(router_.Find("GET", "/images/latest").params, IsEmpty());
}

TEST_F(RouterTest, DecodesAfterSplitting) {
  const auto match = router_.Find("GET", "/images/..%2f..%2Freprise.db");
  EXPECT_EQ(Found(match), "image");
  EXPECT_THAT(match.params, ElementsAre("../../reprise.db"));
  EXPECT_EQ(Get("/images%2Flatest"), "");
}

TEST_F(RouterTest, ANameWithDotsTakesTheRestOfThePath) {
  Router router;
  router.Add("GET", "/prompt/{prompt...}", Handler());
  router.Add("POST", "/prompt/{prompt}", Handler());
  router.Add("GET", "/prompt/all/{page}", Handler());
  const auto params = [&](std::string_view path) { return router.Find("GET", path).params; };
  EXPECT_THAT(params("/prompt/a%20fox"), ElementsAre("a fox"));
  EXPECT_THAT(params("/prompt/black/white%2Fgrey/"), ElementsAre("black/white/grey/"));
  EXPECT_THAT(params("/prompt//"), ElementsAre("/"));
  EXPECT_THAT(params("/prompt/all/2"), ElementsAre("2")) << "a literal wins";
  EXPECT_THAT(params("/prompt/all/2/3"), ElementsAre("all/2/3"));
  for (const char* path : {"/prompt/", "/prompt", "/prompts/a"}) {
    EXPECT_EQ(router.Find("GET", path).handler, nullptr) << path;
  }
  EXPECT_EQ(router.Find("PUT", "/prompt/a/b").allow, "GET, HEAD");
}

TEST_F(RouterTest, ANameMayComeFirst) {
  Router router;
  router.Add("POST", "/{tenant}/images", Named("theirs"));
  router.Add("GET", "/{tenant}/images", Named("named"));
  router.Add("GET", "/all/images", Named("literal"));
  EXPECT_EQ(Found(router.Find("GET", "/all/images")), "literal");
  EXPECT_EQ(Found(router.Find("GET", "/acme/images")), "named");
  EXPECT_EQ(Found(router.Find("POST", "/all/images")), "theirs");
  EXPECT_EQ(router.Find("PUT", "/all/images").allow, "GET, HEAD, POST");
  EXPECT_EQ(router.Find("GET", "/all").handler, nullptr);
}

TEST_F(RouterTest, KeepsAnEncodedZero) {
  EXPECT_THAT(router_.Find("GET", "/images/a%00b").params, ElementsAre(std::string("a\0b", 3)));
}

TEST(PercentDecode, Decodes) {
  EXPECT_EQ(PercentDecode("%e8%b5%A4"), "\xE8\xB5\xA4");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("%25%32%35"), "%25") << "once only";
}

TEST(PercentDecode, LeavesWhatIsNotValid) {
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%g1%1g%1"), "%g1%1g%1");
}

TEST(PercentDecode, AnEmptyTextIsEmptyWhateverFollowsIt) {
  EXPECT_EQ(PercentDecode(""), "");
  EXPECT_EQ(PercentDecode(std::string_view()), "");
  EXPECT_EQ(PercentDecode(std::string_view("secret").substr(0, 0)), "");
}

}  // namespace
}  // namespace reprise::http
