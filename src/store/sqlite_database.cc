#include "store/sqlite_database.h"

#include "store/posix_file.h"
#include "store/sqlite_batch_store.h"
#include "store/sqlite_entry_history.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_spending_store.h"
#include "store/sqlite_trust_store.h"

namespace reprise {
namespace {

constexpr char kSettings[] = "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864;";
// FULL: a commit is on the disk when it returns. NORMAL: it is in the journal, which BackgroundSync
// syncs; after a power cut the last commits may be missing, nothing is torn.
constexpr char kSyncBefore[] = "PRAGMA synchronous = FULL";
constexpr char kSyncBehind[] = "PRAGMA synchronous = NORMAL";

}  // namespace

Result<std::shared_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::filesystem::path& file,
                                                             SqliteEntryStoreOptions options) {
  auto ready = MakeDirectory(file.parent_path());
  if (!ready) return std::unexpected(ready.error());
  auto lock = FileLock::Acquire(file.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  auto connection =
      SqliteConnection::Open(file, SqliteConnection::Mode::kReadWrite, options.busy_timeout_ms);
  if (!connection) return std::unexpected(connection.error());
  // Before the settings: a database that is refused is left as it was.
  ready = MigrateSchema(*connection, file);
  if (ready) ready = connection->Execute(kSettings);
  const bool behind = options.sync == SyncMode::kBehind;
  if (ready) ready = connection->Execute(behind ? kSyncBehind : kSyncBefore);
  if (!ready) return std::unexpected(ready.error());
  return std::make_shared<SqliteDatabase>(file, options, std::move(*lock), std::move(*connection));
}

Result<std::unique_ptr<EntryStore>> OpenSqliteEntryStore(const std::filesystem::path& file,
                                                         SqliteEntryStoreOptions options) {
  auto database = SqliteDatabase::Open(file, options);
  if (!database) return std::unexpected(database.error());
  return MakeSqliteEntryStore(std::move(*database));
}

Result<SqliteStores> OpenSqliteStores(const std::filesystem::path& file,
                                      SqliteEntryStoreOptions options) {
  auto database = SqliteDatabase::Open(file, options);
  if (!database) return std::unexpected(database.error());
  return SqliteStores{.entries = MakeSqliteEntryStore(*database),
                      .trust = MakeSqliteTrustStore(*database),
                      .batches = MakeSqliteBatchStore(*database),
                      .spending = MakeSqliteSpendingStore(*database),
                      .history = MakeSqliteEntryHistory(*database),
                      .join = [database = *database] { database->writer().Join(); }};
}

}  // namespace reprise
