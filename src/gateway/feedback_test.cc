#include "gateway/feedback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(ReadFeedback, TakesWhatIsComplete) {
  const auto no = ReadFeedback(
      R"({"entry": 7, "prompt": "a blue fox", "same": false, "note": "wrong colour"})", 100);
  ASSERT_TRUE(no) << no.error().message;
  EXPECT_EQ(no->entry, 7u);
  EXPECT_EQ(no->prompt, "a blue fox");
  EXPECT_EQ(no->same, false);
  EXPECT_EQ(no->note, "wrong colour");
  EXPECT_EQ(no->review, std::nullopt);

  const auto review = ReadFeedback(R"({"entry": "12", "review": true, "note": null})", 100);
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_EQ(review->entry, 12u);
  EXPECT_EQ(review->review, true);
  EXPECT_EQ(review->same, std::nullopt);
}

TEST(ReadFeedback, NamesTheMemberAtFault) {
  const std::string long_note =
      R"({"entry":1,"review":true,"note":")" + std::string(2001, 'x') + "\"}";
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "entry"},
      {R"({"prompt":"a","same":true})", "entry"},
      {R"({"entry":0,"prompt":"a","same":true})", "entry"},
      {R"({"entry":-1,"prompt":"a","same":true})", "entry"},
      {R"({"entry":1.5,"prompt":"a","same":true})", "entry"},
      {R"({"entry":"one","prompt":"a","same":true})", "entry"},
      {R"({"entry":[],"prompt":"a","same":true})", "entry"},
      {R"({"entry":1})", "same"},
      {R"({"entry":1,"prompt":"a"})", "same"},
      {R"({"entry":1,"prompt":"a","review":true})", "same"},
      {R"({"entry":1,"prompt":"a","same":"no"})", "same"},
      {R"({"entry":1,"same":false})", "prompt"},
      {R"({"entry":1,"same":false,"prompt":"  "})", "prompt"},
      {R"({"entry":1,"same":false,"prompt":5})", "prompt"},
      {R"({"entry":1,"same":false,"prompt":"elevenchars"})", "prompt"},
      {R"({"entry":1,"review":1})", "review"},
      {R"({"entry":1,"review":true,"vote":1})", "vote"},
      {long_note, "note"},
  };
  for (const auto& [body, param] : cases) {
    const auto read = ReadFeedback(body, 10);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, Code::kInvalidArgument);
    EXPECT_EQ(read.error().param, param) << body;
  }
  for (const auto body : {"", "[]", "{", R"({"entry":1,"entry":2})"}) {
    EXPECT_FALSE(ReadFeedback(body, 10)) << body;
  }
}

TEST(ReadFeedbackPage, Table) {
  EXPECT_EQ(ReadFeedbackPage("")->limit, 50u);
  EXPECT_EQ(ReadFeedbackPage("limit=5&before=9")->limit, 5u);
  EXPECT_EQ(ReadFeedbackPage("limit=5&before=9")->before, 9u);
  EXPECT_EQ(ReadFeedbackPage("limit=99999&")->limit, 1000u);
  for (const auto query : {"limit=0", "limit=", "limit", "before=x", "page=2", "limit=-1"}) {
    EXPECT_FALSE(ReadFeedbackPage(query)) << query;
  }
}

TEST(WriteFeedbackList, NamesTheNextPageWhenThereMayBeOne) {
  const std::vector<Correction> list = {{.id = 9, .prompt = "a\xff"}, {.id = 4, .same = true}};
  const auto full = json::parse(WriteFeedbackList({.limit = 2}, list, {3}).BodyView());
  EXPECT_EQ(full["next"], 4);
  EXPECT_EQ(full["data"].size(), 2u);
  EXPECT_EQ(full["in_review"], json::array({3}));
  const auto last = json::parse(WriteFeedbackList({.limit = 3}, list, {}).BodyView());
  EXPECT_TRUE(last["next"].is_null());
}

}  // namespace
}  // namespace reprise
