#include "store/sqlite_writer.h"

#include "base/log.h"

namespace reprise {

SqliteWriter::SqliteWriter(SqliteConnection connection, std::size_t queue,
                           std::function<void()> committed)
    : limit_(queue),
      connection_(std::move(connection)),
      committed_(std::move(committed)),
      thread_([this] { Loop(); }) {}

SqliteWriter::~SqliteWriter() {
  Join();
}

void SqliteWriter::Join() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqliteWriter::Enqueue(std::unique_ptr<Job> job) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
}

SqliteWriter::Group SqliteWriter::TakeAll() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  return std::exchange(waiting_, {});
}

void SqliteWriter::Loop() {
  for (Group group = TakeAll(); !group.empty(); group = TakeAll()) {
    const auto error = Commit(group);
    if (error) log::error("a write to the store failed: {}", error->message);
    if (!error) committed_();
    pending_.fetch_sub(group.size());
    for (auto& job : group) job->Finish(error);
  }
}

Result<void> SqliteWriter::Step(const char* sql) {
  auto statement = connection_.Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->Run();
}

std::optional<Error> SqliteWriter::Commit(Group& group) {
  auto done = Step("BEGIN IMMEDIATE");
  if (done) done = ApplyAll(group);
  if (done) done = Step("COMMIT");
  if (done) return std::nullopt;
  if (connection_.in_transaction()) (void)connection_.Execute("ROLLBACK");
  return done.error();
}

Result<void> SqliteWriter::ApplyAll(Group& group) {
  for (auto& job : group) {
    if (auto applied = ApplyOne(*job); !applied) return applied;
  }
  return {};
}

// Gives an error only when the whole transaction is lost.
Result<void> SqliteWriter::ApplyOne(Job& job) {
  if (auto saved = Step("SAVEPOINT job"); !saved) return saved;
  const auto applied = job.Apply(connection_);
  if (!connection_.in_transaction()) {
    if (!applied) return applied;
    return Fail(Code::kInternal, "a job ended the transaction of its group");
  }
  if (!applied) {
    if (auto undone = Step("ROLLBACK TO job"); !undone) return undone;
  }
  return Step("RELEASE job");
}

}  // namespace reprise
