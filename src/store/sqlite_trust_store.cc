#include "store/sqlite_trust_store.h"

#include <cmath>

namespace reprise {
namespace {

// The old row goes, so that the newest statement has the highest id.
constexpr char kPutCorrection[] =
    "INSERT OR REPLACE INTO corrections(pair, tenant, entry, entry_prompt, prompt, same, note,"
    " created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
constexpr char kRemoveCorrection[] =
    "DELETE FROM corrections WHERE tenant = ? AND id = ? RETURNING id, pair, tenant, entry,"
    " entry_prompt, prompt, same, note, created_ms";
constexpr char kPutReview[] =
    "INSERT OR IGNORE INTO reviews(entry, since_ms) SELECT id, ? FROM entries WHERE id = ?";
constexpr char kDropReview[] = "DELETE FROM reviews WHERE entry = ?";
constexpr char kPutObservation[] =
    "INSERT INTO observations(source, pool, decision, entry, similarity, score, same, created_ms)"
    " VALUES(?, ?, ?, ?, ?, nullif(?, -1), nullif(?, -1), ?)";
constexpr char kAddGatewaySpending[] =
    "INSERT INTO spending(day, usd) VALUES(?1, max(0, ?2))"
    " ON CONFLICT(day) DO UPDATE SET usd = max(0, usd + ?2)";
constexpr char kKeepObservations[] =
    "DELETE FROM observations WHERE id <= (SELECT max(id) FROM observations) - ?";
constexpr char kListCorrections[] =
    "SELECT id, pair, tenant, entry, entry_prompt, prompt, same, note, created_ms FROM corrections"
    " WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?";
constexpr char kAllCorrections[] =
    "SELECT id, pair, tenant, entry, entry_prompt, prompt, same, note, created_ms FROM corrections"
    " ORDER BY id";
constexpr char kAllObservations[] =
    "SELECT id, source, pool, decision, entry, similarity, score, same, created_ms"
    " FROM observations ORDER BY id";
constexpr char kAllReviews[] = "SELECT entry FROM reviews ORDER BY entry";
constexpr char kGatewaySpentOn[] = "SELECT usd FROM spending WHERE day = ?";

constexpr std::int64_t kHighestId = INT64_MAX;

Result<Correction> ReadCorrection(const SqliteStatement& row) {
  const auto pair = Digest::FromRaw(row.GetBytes(1));
  if (!pair) {
    return Fail(Code::kCorrupt, "correction " + std::to_string(row.GetInteger(0)) +
                                    " has no valid pair; restore the database, or remove that row");
  }
  return Correction{.id = row.GetUnsigned(0),
                    .pair = *pair,
                    .tenant = std::string(row.GetBytes(2)),
                    .entry = row.GetUnsigned(3),
                    .entry_prompt = std::string(row.GetBytes(4)),
                    .prompt = std::string(row.GetBytes(5)),
                    .same = row.GetInteger(6) != 0,
                    .note = std::string(row.GetBytes(7)),
                    .created_ms = row.GetInteger(8)};
}

StoredObservation ReadObservation(const SqliteStatement& row) {
  StoredObservation observation{.id = row.GetUnsigned(0),
                                .source = static_cast<ObservationSource>(row.GetInteger(1)),
                                .pool = row.GetUnsigned(2),
                                .decision = row.GetUnsigned(3),
                                .entry = row.GetUnsigned(4),
                                .similarity = row.GetReal(5),
                                .score = {},
                                .same = {},
                                .created_ms = row.GetInteger(8)};
  if (!row.IsNull(6)) observation.score = row.GetReal(6);
  if (!row.IsNull(7)) observation.same = row.GetInteger(7) != 0;
  return observation;
}

// Calls `use` with each row until one fails.
template <class Use>
Result<void> EachRow(SqliteStatement& statement, Use use) {
  for (;;) {
    const auto row = statement.Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if (Result<void> used = use(statement); !used) return used;
  }
}

Result<std::uint64_t> Put(SqliteConnection& connection, const Correction& correction) {
  auto prepared = connection.Prepare(kPutCorrection);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Blob(correction.pair.View()).Text(correction.tenant).Unsigned(correction.entry);
  statement.Text(correction.entry_prompt).Text(correction.prompt).Integer(correction.same);
  statement.Text(correction.note).Integer(correction.created_ms);
  const auto row = statement.Step();
  if (!row) return std::unexpected(row.error());
  const std::uint64_t id = statement.GetUnsigned(0);
  if (auto done = statement.Run(); !done) return std::unexpected(done.error());
  return id;
}

Result<void> Put(SqliteConnection& connection, const StoredObservation& observation) {
  auto prepared = connection.Prepare(kPutObservation);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Integer(static_cast<int>(observation.source)).Unsigned(observation.pool);
  statement.Unsigned(observation.decision).Unsigned(observation.entry);
  statement.Real(observation.similarity).Real(observation.score.value_or(-1));
  statement.Integer(observation.same ? *observation.same : -1);
  return statement.Integer(observation.created_ms).Run();
}

class SqliteTrustStore final : public TrustStore {
 public:
  explicit SqliteTrustStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  Task<Result<std::uint64_t>> PutCorrection(Correction correction) override {
    auto work = [correction = std::move(correction)](SqliteConnection& to) {
      return Put(to, correction);
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<std::optional<Correction>>> RemoveCorrection(std::string tenant,
                                                           std::uint64_t id) override {
    auto work = [tenant = std::move(tenant),
                 id](SqliteConnection& from) -> Result<std::optional<Correction>> {
      auto statement = from.Prepare(kRemoveCorrection);
      if (!statement) return std::unexpected(statement.error());
      (*statement)->Text(tenant).Unsigned(id);
      std::optional<Correction> removed;
      auto read = EachRow(**statement, [&](const SqliteStatement& row) -> Result<void> {
        auto correction = ReadCorrection(row);
        if (!correction) return std::unexpected(correction.error());
        removed = std::move(*correction);
        return {};
      });
      if (!read) return std::unexpected(read.error());
      return removed;
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<void>> SetReview(std::uint64_t entry, bool review, std::int64_t now_ms) override {
    auto work = [=](SqliteConnection& to) -> Result<void> {
      auto statement = to.Prepare(review ? kPutReview : kDropReview);
      if (!statement) return std::unexpected(statement.error());
      if (review) (*statement)->Integer(now_ms);
      return (*statement)->Unsigned(entry).Run();
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<void>> PutObservation(StoredObservation observation) override {
    return database_->writer().Run(
        [observation](SqliteConnection& to) { return Put(to, observation); });
  }

  Task<Result<void>> AddSpending(std::int64_t day, double usd) override {
    if (!std::isfinite(usd)) {
      co_return Fail(Code::kInvalidArgument, "an amount spent is not a number");
    }
    auto work = [=](SqliteConnection& to) -> Result<void> {
      auto statement = to.Prepare(kAddGatewaySpending);
      if (!statement) return std::unexpected(statement.error());
      return (*statement)->Integer(day).Real(usd).Run();
    };
    co_return co_await database_->writer().Run(std::move(work));
  }

  Task<Result<void>> KeepObservations(std::size_t newest) override {
    auto work = [newest](SqliteConnection& to) -> Result<void> {
      auto statement = to.Prepare(kKeepObservations);
      if (!statement) return std::unexpected(statement.error());
      return (*statement)->Unsigned(newest).Run();
    };
    return database_->writer().Run(std::move(work));
  }

  // On the writer's thread: a page of an index, for an operator now and then.
  Task<Result<std::vector<Correction>>> ListCorrections(std::string tenant, std::uint64_t before,
                                                        std::size_t limit) override {
    auto work = [tenant = std::move(tenant), before,
                 limit](SqliteConnection& from) -> Result<std::vector<Correction>> {
      auto prepared = from.Prepare(kListCorrections);
      if (!prepared) return std::unexpected(prepared.error());
      const bool all = before == 0 || before > static_cast<std::uint64_t>(kHighestId);
      (*prepared)->Text(tenant).Integer(all ? kHighestId : static_cast<std::int64_t>(before));
      (*prepared)->Unsigned(limit);
      std::vector<Correction> corrections;
      auto read = EachRow(**prepared, [&](const SqliteStatement& row) -> Result<void> {
        auto correction = ReadCorrection(row);
        if (!correction) return std::unexpected(correction.error());
        corrections.push_back(std::move(*correction));
        return {};
      });
      if (!read) return std::unexpected(read.error());
      return corrections;
    };
    return database_->writer().Run(std::move(work));
  }

  Result<void> ForEachCorrection(const std::function<void(Correction&&)>& visit) const override {
    return Read(kAllCorrections, [&](const SqliteStatement& row) -> Result<void> {
      auto correction = ReadCorrection(row);
      if (!correction) return std::unexpected(correction.error());
      visit(std::move(*correction));
      return {};
    });
  }

  Result<void> ForEachObservation(
      const std::function<void(const StoredObservation&)>& visit) const override {
    return Read(kAllObservations, [&](const SqliteStatement& row) -> Result<void> {
      visit(ReadObservation(row));
      return {};
    });
  }

  Result<std::vector<std::uint64_t>> Reviews() const override {
    std::vector<std::uint64_t> entries;
    auto read = Read(kAllReviews, [&](const SqliteStatement& row) -> Result<void> {
      entries.push_back(row.GetUnsigned(0));
      return {};
    });
    if (!read) return std::unexpected(read.error());
    return entries;
  }

  Result<double> SpentOn(std::int64_t day) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    auto statement = connection->Prepare(kGatewaySpentOn);
    if (!statement) return std::unexpected(statement.error());
    const auto row = (*statement)->Integer(day).Step();
    if (!row) return std::unexpected(row.error());
    return *row ? (*statement)->GetReal(0) : 0.0;
  }

 private:
  template <class Use>
  Result<void> Read(const char* sql, Use use) const {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    auto statement = connection->Prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    return EachRow(**statement, use);
  }

  const std::shared_ptr<SqliteDatabase> database_;
};

}  // namespace

std::unique_ptr<TrustStore> MakeSqliteTrustStore(std::shared_ptr<SqliteDatabase> database) {
  return std::make_unique<SqliteTrustStore>(std::move(database));
}

}  // namespace reprise
