#include "work/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <set>
#include <thread>

#include "base/io_threads.h"
#include "store/sqlite.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// Requests are prompts; "fail..." fails.
class PromptApi final : public BatchApi {
 public:
  Result<ImageRequest> ReadItem(const std::string& tenant,
                                const std::string& request) const override {
    ImageRequest read;
    read.tenant = tenant;
    read.prompt = request;
    return read;
  }
  ItemResult Describe(const Answer& answer) const override {
    if (!answer.reply) return {.done = false, .text = answer.reply.error().message};
    return {.done = true, .text = answer.decision.reason};
  }
  std::string WebhookBody(const Batch& batch) const override { return batch.id; }
};

// What is asked of the cache, which answers when its gate is open.
class ScriptedCache {
 public:
  using Gate = std::shared_ptr<AsyncValue<bool>>;

  Task<Answer> Handle(ImageRequestPtr request) {
    Gate gate;
    {
      std::lock_guard lock(mutex_);
      prompts_.push_back(request->prompt);
      gate = gate_;
    }
    asked_.fetch_add(1);
    asked_.notify_all();
    if (gate) co_await gate->WaitUntil(Deadline::max());
    Answer answer;
    answer.decision.reason = "made " + request->prompt;
    if (request->prompt.starts_with("fail")) answer.reply = Fail(Code::kBadUpstream, "broken");
    co_return answer;
  }

  // Later calls wait until the gate is set.
  Gate Hold() {
    std::lock_guard lock(mutex_);
    return gate_ = std::make_shared<AsyncValue<bool>>();
  }
  void WaitForCalls(int count) {
    for (int now = asked_.load(); now < count; now = asked_.load()) asked_.wait(now);
  }
  std::vector<std::string> prompts() const {
    std::lock_guard lock(mutex_);
    return prompts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> prompts_;
  Gate gate_;
  std::atomic<int> asked_ = 0;
};

class BatchesTest : public testing::Test {
 protected:
  BatchesTest() { Open({}); }
  ~BatchesTest() override {
    Close();
    std::filesystem::remove_all(place_);
  }

  void Open(BatchSettings settings) {
    io_ = std::make_unique<IoThreads>(2);
    client_ = std::make_unique<http::Client>();
    auto stores = OpenSqliteStores(place_ / "reprise.db");
    ASSERT_TRUE(stores) << stores.error().message;
    batches_ = std::make_unique<Batches>(
        Batches::Parts{
            .store = std::move(stores->batches),
            .api = std::make_unique<PromptApi>(),
            .handle = [this](ImageRequestPtr request) { return cache_.Handle(std::move(request)); },
            .client = *client_,
            .context = io_->context(),
            .clock = clock_},
        settings);
    ASSERT_TRUE(batches_->Load());
  }
  // As a crash does: what is under way is gone.
  void Close() {
    if (!io_) return;
    client_->Stop();
    io_->Stop();
    batches_.reset();
    client_.reset();
    stopped_.push_back(std::move(io_));
  }

  template <class T>
  T Run(Task<T> task) {
    return RunTask(io_->context(), std::move(task));
  }
  ActiveBatchPtr Create(const std::vector<std::string>& prompts,
                        const std::string& tenant = "default") {
    Batch batch{.tenant = tenant};
    for (const std::string& prompt : prompts) {
      batch.items.push_back({.name = prompt, .request = prompt});
    }
    auto created = Run(batches_->Create(std::move(batch)));
    EXPECT_TRUE(created) << created.error().message;
    return created ? created->batch : nullptr;
  }
  static Batch Keyed(const std::string& key, const std::string& digest) {
    return {.tenant = "default",
            .idempotency_key = key,
            .body_digest = digest,
            .items = {{.name = "a", .request = "a"}}};
  }
  ActiveBatchPtr Find(const std::string& id) {
    return Run(batches_->Find("default", id)).value_or(nullptr);
  }
  // Waits until at least so many items have ended.
  Batch WaitForEnds(const ActiveBatchPtr& batch, std::size_t count) {
    for (;;) {
      const auto changes = batch->After(0);
      if (changes.items.size() >= count) return batch->Snapshot();
      Run(changes.next->WaitUntil(Deadline::max()));
    }
  }
  static std::vector<ItemStatus> StatusesOf(const Batch& batch) {
    std::vector<ItemStatus> all;
    for (const BatchItem& item : batch.items) all.push_back(item.status);
    return all;
  }

  const std::filesystem::path place_ =
      std::filesystem::temp_directory_path() /
      ("reprise-work-" + std::to_string(::getpid()) + "-" +
       testing::UnitTest::GetInstance()->current_test_info()->name());
  ManualClock clock_;
  // Until the end: what waited at a gate may still refer to them.
  std::vector<std::unique_ptr<IoThreads>> stopped_;
  ScriptedCache cache_;
  std::unique_ptr<IoThreads> io_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<Batches> batches_;
};

TEST_F(BatchesTest, HandlesAllAtOnceAndAnswersInOrder) {
  const auto gate = cache_.Hold();
  std::vector<ImageRequestPtr> requests;
  for (const char* prompt : {"a", "fail", "c"}) {
    auto request = std::make_shared<ImageRequest>();
    request->prompt = prompt;
    requests.push_back(std::move(request));
  }
  std::promise<std::vector<Answer>> promise;
  auto answered = promise.get_future();
  asio::co_spawn(Strand(io_->context()), batches_->HandleAll(std::move(requests)),
                 [&](std::exception_ptr, std::vector<Answer> answers) {
                   promise.set_value(std::move(answers));
                 });
  cache_.WaitForCalls(3);  // none has been answered yet
  gate->Set(true);
  const auto answers = answered.get();
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_EQ(answers[0].decision.reason, "made a");
  EXPECT_FALSE(answers[1].reply);
  EXPECT_EQ(answers[2].decision.reason, "made c");
}

TEST_F(BatchesTest, AFailedItemSinksNoOther) {
  const auto batch = Create({"a", "fail", "c"});
  const Batch ended = WaitForEnds(batch, 3);
  EXPECT_THAT(StatusesOf(ended),
              ElementsAre(ItemStatus::kDone, ItemStatus::kFailed, ItemStatus::kDone));
  EXPECT_EQ(ended.items[1].result, "broken");
  EXPECT_EQ(Run(batches_->Find("other", batch->id())).value(), nullptr);
}

TEST_F(BatchesTest, GoesOnAfterACrashWithWhatHadNotEnded) {
  Close();
  Open({.concurrency = 2});
  const auto batch = Create({"a", "b"});
  WaitForEnds(batch, 2);
  const auto gate = cache_.Hold();
  const std::string id = Create({"c", "d", "e"})->id();
  cache_.WaitForCalls(4);  // c and d are under way
  Close();
  gate->Set(true);
  cache_.Hold()->Set(true);
  Open({.concurrency = 2});
  const Batch ended = WaitForEnds(Find(id), 3);
  EXPECT_EQ(CountItems(ended).done, 3u);
  EXPECT_THAT(cache_.prompts(), UnorderedElementsAre("a", "b", "c", "d", "c", "d", "e"));
}

// Otherwise a crash could make more of them again than there are places.
TEST_F(BatchesTest, ItemsWhoseEndIsNotYetDurableKeepTheirPlace) {
  Close();
  Open({.concurrency = 1});
  const auto gate = cache_.Hold();
  const auto batch = Create({"a", "b"});
  cache_.WaitForCalls(1);
  auto other =
      SqliteConnection::Open(place_ / "reprise.db", SqliteConnection::Mode::kReadWrite, 1000);
  ASSERT_TRUE(other && other->Execute("BEGIN IMMEDIATE"));  // no end can be written down
  gate->Set(true);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_THAT(cache_.prompts(), ElementsAre("a"));
  ASSERT_TRUE(other->Execute("ROLLBACK"));
  WaitForEnds(batch, 2);
  EXPECT_THAT(cache_.prompts(), ElementsAre("a", "b"));
}

TEST_F(BatchesTest, CancelledBeginsNothingMoreAlsoAfterACrash) {
  Close();
  Open({.concurrency = 1});
  const auto gate = cache_.Hold();
  const auto batch = Create({"a", "b", "c"});
  cache_.WaitForCalls(1);
  Run(batches_->Cancel(batch));
  EXPECT_THAT(CountItems(batch->Snapshot()).cancelled, 2u);
  EXPECT_EQ(batch->Snapshot().ended_ms, 0);
  const std::string id = batch->id();
  Close();
  gate->Set(true);
  Open({.concurrency = 1});
  const Batch ended = WaitForEnds(Find(id), 3);
  EXPECT_EQ(CountItems(ended).cancelled, 3u);
  EXPECT_THAT(cache_.prompts(), SizeIs(1));
}

TEST_F(BatchesTest, StoppedItRecordsNoFailureOfItsOwnMaking) {
  const auto gate = cache_.Hold();
  const std::string id = Create({"fail as it stops"})->id();
  cache_.WaitForCalls(1);
  batches_->Stop();
  gate->Set(true);
  EXPECT_TRUE(batches_->Drain(std::chrono::hours(1)));
  Close();
  Open({});
  const Batch ended = WaitForEnds(Find(id), 1);
  EXPECT_EQ(CountItems(ended).failed, 1u);
  EXPECT_THAT(cache_.prompts(), SizeIs(2));
}

TEST_F(BatchesTest, ASmallBatchDoesNotWaitForALargeOne) {
  Close();
  Open({.concurrency = 1});
  const auto gate = cache_.Hold();
  const auto large = Create({"a", "b", "c", "d"});
  cache_.WaitForCalls(1);
  const auto small = Create({"x"});
  gate->Set(true);
  WaitForEnds(large, 4);
  EXPECT_THAT(cache_.prompts(), ElementsAre("a", "b", "x", "c", "d"));
}

TEST_F(BatchesTest, ATenantWithManyBatchesDelaysAnotherByOneItem) {
  Close();
  Open({.concurrency = 1});
  const auto gate = cache_.Hold();
  const auto first = Create({"a1", "a2"});
  cache_.WaitForCalls(1);
  const auto second = Create({"b1", "b2"});
  const auto third = Create({"c1", "c2"});
  const auto other = Create({"x1", "x2"}, "other");
  gate->Set(true);
  for (const auto& batch : {first, second, third, other}) WaitForEnds(batch, 2);
  EXPECT_THAT(cache_.prompts(), ElementsAre("a1", "a2", "x1", "b1", "x2", "c1", "b2", "c2"));
}

TEST_F(BatchesTest, TheSameRequestStartsOneBatch) {
  const auto first = Run(batches_->Create(Keyed("k", "1")));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->again);
  const auto again = Run(batches_->Create(Keyed("k", "1")));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->again);
  EXPECT_EQ(again->batch->id(), first->batch->id());
  WaitForEnds(first->batch, 1);
  Close();
  Open({});
  const auto later = Run(batches_->Create(Keyed("k", "1")));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->batch->id(), first->batch->id());
  EXPECT_EQ(later->batch->Snapshot().items[0].status, ItemStatus::kDone);
  const auto other = Run(batches_->Create(Keyed("k", "2")));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kConflict);
  EXPECT_NE(Run(batches_->Create(Keyed("l", "1")))->batch->id(), first->batch->id());
}

TEST_F(BatchesTest, TheSameRequestManyTimesAtOnceStartsOneBatch) {
  std::vector<std::future<Result<Batches::Created>>> all;
  for (int i = 0; i < 20; ++i) {
    auto promise = std::make_shared<std::promise<Result<Batches::Created>>>();
    all.push_back(promise->get_future());
    asio::co_spawn(Strand(io_->context()), batches_->Create(Keyed("k", "1")),
                   [promise](std::exception_ptr, Result<Batches::Created> created) {
                     promise->set_value(std::move(created));
                   });
  }
  std::set<std::string> ids;
  int started = 0;
  for (auto& one : all) {
    const auto created = one.get();
    ASSERT_TRUE(created) << created.error().message;
    ids.insert(created->batch->id());
    started += created->again ? 0 : 1;
  }
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_EQ(started, 1);
}

TEST_F(BatchesTest, RefusesMoreThanMayWait) {
  Close();
  Open({.concurrency = 1, .queue = 2});
  Batch large{.tenant = "default"};
  large.items.resize(3);
  const auto refused = Run(batches_->Create(std::move(large)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("batches.queue"));
}

TEST_F(BatchesTest, OneTenantsItemsDoNotShutOthersOut) {
  Close();
  const auto gate = cache_.Hold();
  Open({.concurrency = 1, .queue = 20});
  const auto send = [&](const char* tenant, int items) {
    Batch batch{.tenant = tenant};
    for (int i = 0; i < items; ++i) batch.items.push_back({.name = std::to_string(i)});
    return Run(batches_->Create(std::move(batch)));
  };
  ASSERT_TRUE(send("large", 20));
  const auto refused = send("large", 3);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::Not(testing::HasSubstr("20")));
  EXPECT_TRUE(send("small", 2));
  EXPECT_FALSE(send("small", 1));
  EXPECT_TRUE(send("other", 2));
}

TEST_F(BatchesTest, EndedOnesAreRemovedAfterTheirTime) {
  const auto batch = Create({"a"});
  WaitForEnds(batch, 1);
  clock_.Advance(std::chrono::hours(7 * 24));
  ASSERT_TRUE(Run(batches_->Maintain()));
  EXPECT_TRUE(Find(batch->id()));
  clock_.Advance(std::chrono::milliseconds(1));
  ASSERT_TRUE(Run(batches_->Maintain()));
  EXPECT_FALSE(Find(batch->id()));
}

}  // namespace
}  // namespace reprise
