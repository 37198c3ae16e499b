#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "store/entry_store.h"
#include "store/sqlite_database.h"
#include "store/sqlite_entry_reader.h"

namespace reprise {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");

constexpr char kUpsertEntry[] = R"sql(
  INSERT INTO entries(scope, fingerprint, compatibility, prompt, model, bucket, width, height,
                      params, category, created_ms, expires_ms, cost_usd, generation_ms, hits,
                      last_used_ms)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(fingerprint) DO UPDATE SET
    scope = excluded.scope, compatibility = excluded.compatibility, prompt = excluded.prompt,
    model = excluded.model, bucket = excluded.bucket, width = excluded.width,
    height = excluded.height, params = excluded.params, category = excluded.category,
    created_ms = excluded.created_ms, expires_ms = excluded.expires_ms,
    cost_usd = excluded.cost_usd, generation_ms = excluded.generation_ms, hits = excluded.hits,
    last_used_ms = excluded.last_used_ms
  RETURNING id)sql";
constexpr char kInsertImage[] =
    "INSERT INTO images(entry, position, id, blob, media_type, width, height, bytes,"
    " revised_prompt, created_ms, expires_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr char kInsertTag[] = "INSERT INTO tags(entry, position, tag) VALUES(?, ?, ?)";
constexpr char kInsertVector[] = "INSERT INTO vectors(entry, embedder, value) VALUES(?, ?, ?)";
constexpr char kSetVector[] =
    "INSERT INTO vectors(entry, embedder, value) SELECT id, ?, ? FROM entries WHERE id = ?"
    " ON CONFLICT(entry) DO UPDATE SET embedder = excluded.embedder, value = excluded.value";
constexpr char kDeleteImages[] = "DELETE FROM images WHERE entry = ?";
constexpr char kDeleteTags[] = "DELETE FROM tags WHERE entry = ?";
constexpr char kDeleteVector[] = "DELETE FROM vectors WHERE entry = ?";
constexpr char kDeleteEntry[] = "DELETE FROM entries WHERE id = ?";
constexpr char kAddUse[] =
    "UPDATE entries SET hits = hits + ?, last_used_ms = max(last_used_ms, ?) WHERE id = ?";

std::string_view BytesOf(const std::vector<std::uint16_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

Result<std::uint64_t> UpsertEntry(SqliteConnection& connection, const Entry& entry) {
  auto prepared = connection.Prepare(kUpsertEntry);
  if (!prepared) return std::unexpected(prepared.error());
  SqliteStatement& statement = **prepared;
  statement.Text(entry.scope).Blob(entry.fingerprint.View()).Blob(entry.compatibility.View());
  statement.Text(entry.prompt).Text(entry.model).Text(entry.bucket);
  statement.Integer(entry.width).Integer(entry.height);
  statement.Text(entry.params).Text(entry.category);
  statement.Integer(entry.created_ms).Integer(entry.expires_ms).Real(entry.cost_usd);
  statement.Integer(entry.generation_ms).Unsigned(entry.hits).Integer(entry.last_used_ms);
  auto row = statement.Step();
  if (!row) return std::unexpected(row.error());
  const std::uint64_t id = statement.GetUnsigned(0);
  if (auto done = statement.Run(); !done) return std::unexpected(done.error());
  return id;
}

Result<void> RunFor(SqliteConnection& connection, const char* sql, std::uint64_t id) {
  auto statement = connection.Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->Unsigned(id).Run();
}

Result<void> DeleteParts(SqliteConnection& connection, std::uint64_t id) {
  for (const char* sql : {kDeleteImages, kDeleteTags}) {
    if (auto done = RunFor(connection, sql, id); !done) return done;
  }
  return {};
}

Result<void> InsertImages(SqliteConnection& connection, std::uint64_t id,
                          const std::vector<StoredImage>& images) {
  std::int64_t position = 0;
  for (const StoredImage& image : images) {
    auto prepared = connection.Prepare(kInsertImage);
    if (!prepared) return std::unexpected(prepared.error());
    SqliteStatement& statement = **prepared;
    statement.Unsigned(id).Integer(position++).Text(image.id).Blob(image.blob.View());
    statement.Text(image.media_type).Integer(image.width).Integer(image.height);
    statement.Unsigned(image.bytes).Text(image.revised_prompt).Integer(image.created_ms);
    statement.Integer(image.expires_ms);
    if (auto done = statement.Run(); !done) return done;
  }
  return {};
}

Result<void> InsertTags(SqliteConnection& connection, std::uint64_t id,
                        const std::vector<std::string>& tags) {
  std::int64_t position = 0;
  for (const std::string& tag : tags) {
    auto statement = connection.Prepare(kInsertTag);
    if (!statement) return std::unexpected(statement.error());
    if (auto done = (*statement)->Unsigned(id).Integer(position++).Text(tag).Run(); !done) {
      return done;
    }
  }
  return {};
}

Result<void> InsertVector(SqliteConnection& connection, std::uint64_t id,
                          const StoredVector& vector) {
  if (vector.values.empty()) return {};  // what is stored stays
  if (auto done = RunFor(connection, kDeleteVector, id); !done) return done;
  auto statement = connection.Prepare(kInsertVector);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->Unsigned(id).Text(vector.embedder).Blob(BytesOf(vector.values)).Run();
}

Result<std::uint64_t> PutEntry(SqliteConnection& connection, const Entry& entry,
                               const StoredVector& vector) {
  auto id = UpsertEntry(connection, entry);
  if (!id) return id;
  auto done = DeleteParts(connection, *id);
  if (done) done = InsertImages(connection, *id, entry.images);
  if (done) done = InsertTags(connection, *id, entry.tags);
  if (done) done = InsertVector(connection, *id, vector);
  if (!done) return std::unexpected(done.error());
  return *id;
}

Result<void> RemoveEntries(SqliteConnection& connection, const std::vector<std::uint64_t>& ids) {
  for (std::uint64_t id : ids) {
    if (auto done = RunFor(connection, kDeleteEntry, id); !done) return done;
  }
  return {};
}

Result<void> AddUses(SqliteConnection& connection, const std::vector<EntryUse>& uses) {
  for (const EntryUse& use : uses) {
    auto prepared = connection.Prepare(kAddUse);
    if (!prepared) return std::unexpected(prepared.error());
    SqliteStatement& statement = **prepared;
    statement.Unsigned(use.hits).Integer(use.last_used_ms).Unsigned(use.entry);
    if (auto done = statement.Run(); !done) return done;
  }
  return {};
}

Result<void> SetVectors(SqliteConnection& connection, const std::vector<EntryVector>& vectors) {
  for (const auto& [entry, vector] : vectors) {
    auto prepared = connection.Prepare(kSetVector);
    if (!prepared) return std::unexpected(prepared.error());
    SqliteStatement& statement = **prepared;
    statement.Text(vector.embedder).Blob(BytesOf(vector.values)).Unsigned(entry);
    if (auto done = statement.Run(); !done) return done;
  }
  return {};
}

Result<void> CheckEntry(const Entry& entry) {
  if (entry.images.empty()) {
    return Fail(Code::kInvalidArgument, "an entry needs at least one image to be stored");
  }
  if (std::isnan(entry.cost_usd)) {
    return Fail(Code::kInvalidArgument, "an entry's cost is not a number");
  }
  return {};
}

class SqliteEntryStore final : public EntryStore {
 public:
  explicit SqliteEntryStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)), writer_(database_->writer()) {}

  Task<Result<std::uint64_t>> Put(Entry entry, StoredVector vector) override {
    if (auto valid = CheckEntry(entry); !valid) co_return std::unexpected(valid.error());
    auto work = [entry = std::move(entry), vector = std::move(vector)](SqliteConnection& to) {
      return PutEntry(to, entry, vector);
    };
    co_return co_await writer_.Run(std::move(work));
  }

  Task<Result<void>> Remove(std::vector<std::uint64_t> ids) override {
    return writer_.Run(
        [ids = std::move(ids)](SqliteConnection& from) { return RemoveEntries(from, ids); });
  }

  Task<Result<void>> PutVectors(std::vector<EntryVector> vectors) override {
    return writer_.Run(
        [vectors = std::move(vectors)](SqliteConnection& to) { return SetVectors(to, vectors); });
  }

  Task<Result<void>> AddUse(std::vector<EntryUse> uses) override {
    return writer_.Run(
        [uses = std::move(uses)](SqliteConnection& to) { return AddUses(to, uses); });
  }

  Result<void> ForEach(const std::function<void(Entry&&, StoredVector&&)>& visit) const override {
    auto connection = database_->OpenReader();
    if (!connection) return std::unexpected(connection.error());
    return ReadEntriesIn(*connection, {}, visit);
  }

  Task<Result<void>> Probe() override {
    return writer_.Run([](SqliteConnection& connection) -> Result<void> {
      auto entries = connection.QueryInteger("SELECT 1 FROM entries LIMIT 1");
      if (!entries) return std::unexpected(entries.error());
      return {};
    });
  }

 private:
  const std::shared_ptr<SqliteDatabase> database_;
  SqliteWriter& writer_;
};

}  // namespace

std::unique_ptr<EntryStore> MakeSqliteEntryStore(std::shared_ptr<SqliteDatabase> database) {
  return std::make_unique<SqliteEntryStore>(std::move(database));
}

}  // namespace reprise
