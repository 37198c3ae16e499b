#include "gateway/batch_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io_threads.h"

namespace reprise {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BatchEventsTest : public testing::Test {
 protected:
  std::optional<std::string> Next(BatchEvents& events) {
    auto piece = RunTask(io_.context(), events.Next());
    EXPECT_TRUE(piece);
    return piece ? *piece : std::nullopt;
  }
  void End(std::size_t position, std::uint64_t change, std::int64_t ended_ms = 0) {
    batch_->Apply({.batch = "b",
                   .ends = {{.position = position,
                             .status = ItemStatus::kFailed,
                             .result = R"({"error":{"message":"no"}})"}}},
                  {.first_change = change, .ended_ms = ended_ms});
  }
  BatchEvents Events(std::uint64_t after) {
    return BatchEvents(batches_, batch_,
                       {.after = after, .links = "http://here", .keep_alive = kSoon});
  }

  static constexpr std::chrono::milliseconds kSoon{1};
  IoThreads io_{1};
  http::Client client_;
  ManualClock clock_;
  Batches batches_{{.store = nullptr,
                    .api = nullptr,
                    .handle = nullptr,
                    .client = client_,
                    .context = io_.context(),
                    .clock = clock_},
                   {}};
  ActiveBatchPtr batch_ =
      std::make_shared<ActiveBatch>(Batch{.id = "b", .items = {{.name = "one"}, {.name = "two"}}});
};

TEST_F(BatchEventsTest, TellsEachChangeOnceAndThenTheEnd) {
  BatchEvents events = Events(0);
  EXPECT_THAT(*Next(events), StartsWith("retry: "));
  End(1, 1);
  EXPECT_EQ(*Next(events),
            "id: 1\nevent: item\ndata: {\"item\":\"two\",\"ended\":1,\"total\":2,"
            "\"status\":\"failed\",\"error\":{\"message\":\"no\"}}\n\n");
  EXPECT_EQ(*Next(events), ": keep-alive\n\n");
  End(0, 2, 99);
  const auto last = Next(events);
  ASSERT_TRUE(last);
  EXPECT_THAT(*last, StartsWith("id: 2\nevent: item\n"));
  EXPECT_THAT(*last, HasSubstr("\n\nid: 3\nevent: end\ndata: {\"id\":\"b\",\"state\":\"done\""));
  EXPECT_EQ(Next(events), std::nullopt);
}

TEST_F(BatchEventsTest, ResumesAfterTheLastOneSeen) {
  End(0, 1);
  End(1, 2, 99);
  BatchEvents events = Events(2);
  EXPECT_THAT(*Next(events), StartsWith("retry: "));
  EXPECT_THAT(*Next(events), StartsWith("id: 3\nevent: end\n"));
  EXPECT_EQ(Next(events), std::nullopt);
}

TEST_F(BatchEventsTest, EndsWithoutAnEndWhenTheProcessStops) {
  BatchEvents events = Events(0);
  EXPECT_THAT(*Next(events), StartsWith("retry: "));
  batches_.Stop();
  EXPECT_EQ(Next(events), std::nullopt);
}

}  // namespace
}  // namespace reprise
