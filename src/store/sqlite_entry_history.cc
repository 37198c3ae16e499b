#include "store/sqlite_entry_history.h"

#include "store/sqlite_entry_reader.h"

namespace reprise {
namespace {

constexpr char kSnapshot[] = "SELECT name, seq FROM snapshot";
// The two that AUTOINCREMENT has counted: they outlive the rows.
constexpr char kLastSeq[] =
    "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'";
constexpr char kFirstEntry[] = "SELECT coalesce(min(id), 0) FROM entries";
constexpr char kLastEntry[] =
    "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'entries'";
constexpr char kCountChanged[] = "SELECT count(*) FROM changes WHERE seq > ?";
constexpr char kChanged[] = "SELECT entry FROM changes WHERE seq > ? ORDER BY entry";
constexpr char kCountUnchanged[] =
    "SELECT (SELECT count(*) FROM entries) - (SELECT count(*) FROM changes"
    " JOIN entries ON entries.id = changes.entry WHERE changes.seq > ?)";
constexpr char kForgetSnapshot[] = "DELETE FROM snapshot";
constexpr char kSetSnapshot[] = "INSERT INTO snapshot(name, seq) VALUES(?, ?)";
constexpr char kPrune[] =
    "DELETE FROM changes WHERE seq IN (SELECT seq FROM changes"
    " WHERE seq <= (SELECT seq FROM snapshot) ORDER BY seq LIMIT ?)";

Result<std::uint64_t> QueryUnsigned(SqliteConnection& connection, const char* sql) {
  const auto value = connection.QueryInteger(sql);
  if (!value) return std::unexpected(value.error());
  return static_cast<std::uint64_t>(*value);
}

Result<void> ReadSnapshot(SqliteConnection& connection, EntryHistory::State& state) {
  auto statement = connection.Prepare(kSnapshot);
  if (!statement) return std::unexpected(statement.error());
  const auto row = (*statement)->Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return {};
  state.snapshot = (*statement)->GetBytes(0);
  state.seq = (*statement)->GetUnsigned(1);
  return (*statement)->Run();
}

// `sql` has the parameter `seq` and gives a number.
Result<std::uint64_t> QueryAt(SqliteConnection& connection, const char* sql, std::uint64_t seq) {
  auto statement = connection.Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = (*statement)->Unsigned(seq).Step();
  if (!row) return std::unexpected(row.error());
  const std::uint64_t value = (*statement)->GetUnsigned(0);
  (*statement)->Reset();
  return value;
}

Result<EntryHistory::State> ReadState(SqliteConnection& connection) {
  EntryHistory::State state;
  // One transaction: all of it is of the same moment.
  if (auto begun = connection.Execute("BEGIN"); !begun) return std::unexpected(begun.error());
  if (auto read = ReadSnapshot(connection, state); !read) return std::unexpected(read.error());
  const auto put = [](std::uint64_t& to, Result<std::uint64_t> read) -> Result<void> {
    if (!read) return std::unexpected(read.error());
    to = *read;
    return {};
  };
  auto done = put(state.last, QueryUnsigned(connection, kLastSeq));
  if (done) done = put(state.first_entry, QueryUnsigned(connection, kFirstEntry));
  if (done) done = put(state.last_entry, QueryUnsigned(connection, kLastEntry));
  if (done) done = put(state.changed, QueryAt(connection, kCountChanged, state.seq));
  if (!done) return std::unexpected(done.error());
  return state;
}

std::string JsonArray(const std::vector<std::uint64_t>& ids) {
  std::string json = "[";
  for (const std::uint64_t id : ids) {
    if (json.size() > 1) json += ',';
    json += std::to_string(id);
  }
  return json + "]";
}

Result<void> RunWith(SqliteConnection& connection, const std::string& name, std::uint64_t seq) {
  auto forget = connection.Prepare(kForgetSnapshot);
  if (!forget) return std::unexpected(forget.error());
  if (auto done = (*forget)->Run(); !done) return done;
  auto set = connection.Prepare(kSetSnapshot);
  if (!set) return std::unexpected(set.error());
  return (*set)->Text(name).Unsigned(seq).Run();
}

class SqliteEntryHistory final : public EntryHistory {
 public:
  explicit SqliteEntryHistory(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  Result<State> Read() const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    return ReadState(*connection);
  }

  Result<std::uint64_t> CountUnchanged(std::uint64_t seq) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    return QueryAt(*connection, kCountUnchanged, seq);
  }

  Result<std::vector<std::uint64_t>> ChangedSince(std::uint64_t seq) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    auto statement = connection->Prepare(kChanged);
    if (!statement) return std::unexpected(statement.error());
    (*statement)->Unsigned(seq);
    std::vector<std::uint64_t> ids;
    for (;;) {
      const auto row = (*statement)->Step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return ids;
      ids.push_back((*statement)->GetUnsigned(0));
    }
  }

  Result<void> ForEachIn(Range range, const EntryVisit& visit) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    return ReadEntriesIn(*connection, range, visit);
  }

  Result<void> ForEachOf(const std::vector<std::uint64_t>& ids,
                         const EntryVisit& visit) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    return ReadEntriesOf(*connection, JsonArray(ids), visit);
  }

  Task<Result<void>> SetSnapshot(std::string name, std::uint64_t seq) override {
    return database_->writer().Run([name = std::move(name), seq](SqliteConnection& connection) {
      return RunWith(connection, name, seq);
    });
  }

  Task<Result<std::uint64_t>> Prune(std::uint64_t most) override {
    return database_->writer().Run([most](SqliteConnection& from) -> Result<std::uint64_t> {
      auto statement = from.Prepare(kPrune);
      if (!statement) return std::unexpected(statement.error());
      if (auto done = (*statement)->Unsigned(most).Run(); !done) {
        return std::unexpected(done.error());
      }
      return QueryUnsigned(from, "SELECT changes()");
    });
  }

 private:
  const std::shared_ptr<SqliteDatabase> database_;
};

}  // namespace

std::unique_ptr<EntryHistory> MakeSqliteEntryHistory(std::shared_ptr<SqliteDatabase> database) {
  return std::make_unique<SqliteEntryHistory>(std::move(database));
}

}  // namespace reprise
