#include "store/sqlite_batch_store.h"

namespace reprise {
namespace {

constexpr char kPutBatch[] =
    "INSERT INTO batches(id, tenant, url_base, cancelled, created_ms, ended_ms, webhook_url,"
    " webhook_secret, webhook_status, webhook_attempts, webhook_error, idempotency_key,"
    " body_digest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number";
constexpr char kPutItem[] =
    "INSERT INTO batch_items(batch, position, name, request, status, result, change)"
    " VALUES(?, ?, ?, ?, ?, ?, ?)";
constexpr char kNumberOf[] = "SELECT number FROM batches WHERE id = ?";
constexpr char kLastChange[] = "SELECT coalesce(max(change), 0) FROM batch_items WHERE batch = ?";
constexpr char kEndItem[] =
    "UPDATE batch_items SET status = ?, result = ?, change = ?, request = ''"
    " WHERE batch = ? AND position = ? AND status = 0 RETURNING position";
constexpr char kCancel[] = "UPDATE batches SET cancelled = 1 WHERE number = ?";
constexpr char kEndBatch[] =
    "UPDATE batches SET ended_ms = ? WHERE number = ? AND ended_ms = 0 AND NOT EXISTS"
    " (SELECT 1 FROM batch_items WHERE batch = number AND status = 0)";
constexpr char kEndedAt[] = "SELECT ended_ms FROM batches WHERE number = ?";
constexpr char kSetWebhook[] =
    "UPDATE batches SET webhook_status = ?, webhook_attempts = ?, webhook_error = ? WHERE id = ?";
constexpr char kRemoveEnded[] =
    "DELETE FROM batches WHERE ended_ms > 0 AND ended_ms < ? AND webhook_status <> 1"
    " RETURNING number";
constexpr char kFind[] =
    "SELECT number, id, tenant, url_base, cancelled, created_ms, ended_ms, webhook_url,"
    " webhook_secret, webhook_status, webhook_attempts, webhook_error, idempotency_key, "
    "body_digest FROM batches"
    " WHERE id = ? AND tenant = ?";
constexpr char kOpen[] =
    "SELECT number, id, tenant, url_base, cancelled, created_ms, ended_ms, webhook_url,"
    " webhook_secret, webhook_status, webhook_attempts, webhook_error, idempotency_key, "
    "body_digest FROM batches"
    " WHERE ended_ms = 0 OR webhook_status = 1 ORDER BY number";
constexpr char kFindByKey[] =
    "SELECT id FROM batches WHERE tenant = ? AND idempotency_key = ? AND idempotency_key <> ''";
constexpr char kItems[] =
    "SELECT name, request, status, result, change FROM batch_items WHERE batch = ?"
    " ORDER BY position";
constexpr char kList[] =
    "SELECT id, cancelled, created_ms, ended_ms,"
    " count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE status = 1),"
    " count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3)"
    " FROM (SELECT * FROM batches WHERE tenant = ?1 AND (?2 = '' OR number <"
    "   (SELECT number FROM batches WHERE id = ?2 AND tenant = ?1)) ORDER BY number DESC LIMIT ?3)"
    " JOIN batch_items ON batch = number GROUP BY number ORDER BY number DESC";

// The first column of the first row; nothing when there is no row.
Result<std::optional<std::int64_t>> First(SqliteStatement& statement) {
  const auto row = statement.Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  const std::int64_t value = statement.GetInteger(0);
  if (auto done = statement.Run(); !done) return std::unexpected(done.error());
  return value;
}

Result<std::int64_t> NumberOf(SqliteConnection& connection, const std::string& id) {
  auto statement = connection.Prepare(kNumberOf);
  if (!statement) return std::unexpected(statement.error());
  const auto number = First((*statement)->Text(id));
  if (!number) return std::unexpected(number.error());
  if (!*number) return Fail(Code::kNotFound, "there is no batch " + id);
  return **number;
}

Result<void> PutItem(SqliteConnection& connection, std::int64_t batch, std::size_t position,
                     const BatchItem& item) {
  auto prepared = connection.Prepare(kPutItem);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Integer(batch).Unsigned(position).Text(item.name).Text(item.request);
  statement.Integer(static_cast<int>(item.status)).Text(item.result).Unsigned(item.change);
  return statement.Run();
}

Result<void> PutBatch(SqliteConnection& connection, const Batch& batch) {
  auto prepared = connection.Prepare(kPutBatch);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Text(batch.id).Text(batch.tenant).Text(batch.url_base).Integer(batch.cancelled);
  statement.Integer(batch.created_ms).Integer(batch.ended_ms).Text(batch.webhook.url);
  statement.Text(batch.webhook.secret).Integer(static_cast<int>(batch.webhook.status));
  statement.Integer(batch.webhook.attempts).Text(batch.webhook.error);
  statement.Text(batch.idempotency_key).Text(batch.body_digest);
  const auto number = First(statement);
  if (!number) return std::unexpected(number.error());
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (auto put = PutItem(connection, **number, i, batch.items[i]); !put) return put;
  }
  return {};
}

Result<void> EndItem(SqliteConnection& connection, std::int64_t batch, const ItemEnd& end,
                     std::uint64_t change) {
  auto prepared = connection.Prepare(kEndItem);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Integer(static_cast<int>(end.status)).Text(end.result).Unsigned(change);
  const auto ended = First(statement.Integer(batch).Unsigned(end.position));
  if (!ended) return std::unexpected(ended.error());
  if (*ended) return {};
  return Fail(Code::kConflict,
              "item " + std::to_string(end.position) + " of the batch has ended already");
}

Result<std::int64_t> QueryOf(SqliteConnection& connection, const char* sql, std::int64_t batch) {
  auto statement = connection.Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto value = First((*statement)->Integer(batch));
  if (!value) return std::unexpected(value.error());
  return value->value_or(0);
}

Result<BatchProgress> Apply(SqliteConnection& connection, const BatchUpdate& update) {
  const auto batch = NumberOf(connection, update.batch);
  if (!batch) return std::unexpected(batch.error());
  const auto last = QueryOf(connection, kLastChange, *batch);
  if (!last) return std::unexpected(last.error());
  const auto first = static_cast<std::uint64_t>(*last) + 1;
  for (std::size_t i = 0; i < update.ends.size(); ++i) {
    auto ended = EndItem(connection, *batch, update.ends[i], first + i);
    if (!ended) return std::unexpected(ended.error());
  }
  if (update.cancel) {
    if (auto done = QueryOf(connection, kCancel, *batch); !done) {
      return std::unexpected(done.error());
    }
  }
  auto end = connection.Prepare(kEndBatch);
  if (!end) return std::unexpected(end.error());
  if (auto done = (*end)->Integer(update.now_ms).Integer(*batch).Run(); !done) {
    return std::unexpected(done.error());
  }
  const auto ended_ms = QueryOf(connection, kEndedAt, *batch);
  if (!ended_ms) return std::unexpected(ended_ms.error());
  return BatchProgress{.first_change = first, .ended_ms = *ended_ms};
}

// Columns as in kFind, without the items.
Batch ReadBatch(const SqliteStatement& row) {
  const auto text = [&](int column) { return std::string(row.GetBytes(column)); };
  return {.id = text(1),
          .tenant = text(2),
          .url_base = text(3),
          .idempotency_key = text(12),
          .body_digest = text(13),
          .cancelled = row.GetInteger(4) != 0,
          .created_ms = row.GetInteger(5),
          .ended_ms = row.GetInteger(6),
          .webhook = {.url = text(7),
                      .secret = text(8),
                      .status = static_cast<WebhookStatus>(row.GetInteger(9)),
                      .attempts = static_cast<int>(row.GetInteger(10)),
                      .error = text(11)},
          .items = {}};
}

Result<std::vector<BatchItem>> ReadItems(SqliteConnection& connection, std::int64_t batch) {
  auto prepared = connection.Prepare(kItems);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& row = (*prepared)->Integer(batch);
  std::vector<BatchItem> items;
  for (;;) {
    const auto more = row.Step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return items;
    items.push_back({.name = std::string(row.GetBytes(0)),
                     .request = std::string(row.GetBytes(1)),
                     .status = static_cast<ItemStatus>(row.GetInteger(2)),
                     .result = std::string(row.GetBytes(3)),
                     .change = row.GetUnsigned(4)});
  }
}

// Calls `visit` with each row's batch, whole.
Result<void> ReadBatches(SqliteConnection& connection, SqliteStatement& row,
                         const std::function<void(Batch&&)>& visit) {
  for (;;) {
    const auto more = row.Step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    Batch batch = ReadBatch(row);
    auto items = ReadItems(connection, row.GetInteger(0));
    if (!items) return std::unexpected(items.error());
    batch.items = std::move(*items);
    visit(std::move(batch));
  }
}

Result<std::optional<Batch>> FindBatch(SqliteConnection& connection, const std::string& tenant,
                                       const std::string& id) {
  auto statement = connection.Prepare(kFind);
  if (!statement) return std::unexpected(statement.error());
  std::optional<Batch> found;
  auto read = ReadBatches(connection, (*statement)->Text(id).Text(tenant),
                          [&](Batch&& batch) { found = std::move(batch); });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::optional<std::string>> FindIdByKey(SqliteConnection& connection,
                                               const std::string& tenant, const std::string& key) {
  auto statement = connection.Prepare(kFindByKey);
  if (!statement) return std::unexpected(statement.error());
  const auto row = (*statement)->Text(tenant).Text(key).Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  std::string id((*statement)->GetBytes(0));
  if (auto done = (*statement)->Run(); !done) return std::unexpected(done.error());
  return id;
}

Result<std::vector<BatchSummary>> ListBatches(SqliteConnection& connection,
                                              const std::string& tenant, const std::string& before,
                                              std::size_t limit) {
  auto prepared = connection.Prepare(kList);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& row = (*prepared)->Text(tenant).Text(before).Unsigned(limit);
  std::vector<BatchSummary> list;
  for (;;) {
    const auto more = row.Step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return list;
    const auto count = [&](int column) { return static_cast<std::size_t>(row.GetInteger(column)); };
    list.push_back({.id = std::string(row.GetBytes(0)),
                    .cancelled = row.GetInteger(1) != 0,
                    .created_ms = row.GetInteger(2),
                    .ended_ms = row.GetInteger(3),
                    .counts = {count(4), count(5), count(6), count(7)}});
  }
}

class SqliteBatchStore final : public BatchStore {
 public:
  explicit SqliteBatchStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  Task<Result<void>> Create(Batch batch) override {
    auto work = [batch = std::move(batch)](SqliteConnection& to) { return PutBatch(to, batch); };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<BatchProgress>> Update(BatchUpdate update) override {
    auto work = [update = std::move(update)](SqliteConnection& to) { return Apply(to, update); };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<void>> SetWebhook(std::string batch, WebhookStatus status, int attempts,
                                std::string error) override {
    auto work = [batch = std::move(batch), status, attempts,
                 error = std::move(error)](SqliteConnection& to) -> Result<void> {
      auto statement = to.Prepare(kSetWebhook);
      if (!statement) return std::unexpected(statement.error());
      (*statement)->Integer(static_cast<int>(status)).Integer(attempts).Text(error);
      return (*statement)->Text(batch).Run();
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<std::size_t>> RemoveEnded(std::int64_t before_ms) override {
    auto work = [before_ms](SqliteConnection& from) -> Result<std::size_t> {
      auto statement = from.Prepare(kRemoveEnded);
      if (!statement) return std::unexpected(statement.error());
      (*statement)->Integer(before_ms);
      for (std::size_t removed = 0;; ++removed) {
        const auto row = (*statement)->Step();
        if (!row) return std::unexpected(row.error());
        if (!*row) return removed;
      }
    };
    return database_->writer().Run(std::move(work));
  }

  // On the writer's thread, as pages of indexes: what was written before is there.
  Task<Result<std::optional<Batch>>> Find(std::string tenant, std::string id) override {
    auto work = [tenant = std::move(tenant), id = std::move(id)](SqliteConnection& from) {
      return FindBatch(from, tenant, id);
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<std::optional<std::string>>> FindByKey(std::string tenant, std::string key) override {
    auto work = [tenant = std::move(tenant), key = std::move(key)](SqliteConnection& from) {
      return FindIdByKey(from, tenant, key);
    };
    return database_->writer().Run(std::move(work));
  }

  Task<Result<std::vector<BatchSummary>>> List(std::string tenant, std::string before,
                                               std::size_t limit) override {
    auto work = [tenant = std::move(tenant), before = std::move(before), limit](
                    SqliteConnection& from) { return ListBatches(from, tenant, before, limit); };
    return database_->writer().Run(std::move(work));
  }

  Result<void> ForEachOpen(const std::function<void(Batch&&)>& visit) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    auto statement = connection->Prepare(kOpen);
    if (!statement) return std::unexpected(statement.error());
    return ReadBatches(*connection, **statement, visit);
  }

 private:
  const std::shared_ptr<SqliteDatabase> database_;
};

}  // namespace

std::unique_ptr<BatchStore> MakeSqliteBatchStore(std::shared_ptr<SqliteDatabase> database) {
  return std::make_unique<SqliteBatchStore>(std::move(database));
}

}  // namespace reprise
