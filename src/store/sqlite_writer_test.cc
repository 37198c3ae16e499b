#include "store/sqlite_writer.h"

#include <gtest/gtest.h>

#include <future>

#include "store/store_testing.h"

namespace reprise {
namespace {

// Says how many tasks are there.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::atomic<int>& count_;
};

// A commit may outlast the threads: its task has to end while what it refers to is alive.
TEST(SqliteWriter, ATaskThatWaitsForACommitEndsInATeardown) {
  const TemporaryDirectory place;
  auto connection =
      SqliteConnection::Open(place.path() / "a.db", SqliteConnection::Mode::kReadWrite, 1000);
  ASSERT_TRUE(connection);
  IoThreads io(1);
  IoLoops loops(1);
  std::atomic<int> tasks = 0;
  SqliteWriter writer(std::move(*connection), 10, [] {});
  std::promise<void> begun, go_on;
  auto write = [&]() -> Task<> {
    const Counted counted(tasks);
    auto work = [&](SqliteConnection&) -> Result<void> {
      begun.set_value();
      go_on.get_future().wait();
      return {};
    };
    const auto written = co_await writer.Run(std::move(work));
    ADD_FAILURE() << "went on though its thread had ended: " << written.has_value();
  };
  Spawn(Strand(loops.context(0)), write(), [](std::exception_ptr) {});
  begun.get_future().wait();
  StopAll(io, loops, [&] {
    EXPECT_EQ(tasks, 1);
    go_on.set_value();
    writer.Join();
    writer.Join();
  });
  EXPECT_EQ(tasks, 0);
}

}  // namespace
}  // namespace reprise
