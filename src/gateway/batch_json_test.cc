#include "gateway/batch_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

TEST(WriteWaitBatch, AnImageThatIsNotStoredHasNoName) {
  BatchCall call{.names = {"stored", "not"}};
  call.calls.resize(2);
  std::vector<Answer> answers;
  for (const char* name : {"0123.png", ""}) {
    Reply reply;
    reply.images.push_back({.bytes = ShareBytes("bytes"), .name = name, .media_type = "image/png"});
    answers.push_back({.reply = std::move(reply), .decision = {}});
  }
  const auto shown = nlohmann::json::parse(WriteWaitBatch(call, answers, ImageLinks("http://h")));
  EXPECT_EQ(shown["items"]["stored"]["images"][0]["name"], "0123.png");
  EXPECT_TRUE(shown["items"]["not"]["images"][0]["name"].is_null());
  EXPECT_EQ(shown["items"]["not"]["images"][0]["b64_json"], "Ynl0ZXM=");
}

}  // namespace
}  // namespace reprise
