// The open database that the embedded stores share: its lock, its options, its one writer. Internal
// to src/store.
#pragma once

#include <filesystem>
#include <memory>

#include "store/background_sync.h"
#include "store/entry_store.h"
#include "store/file_lock.h"
#include "store/sqlite.h"
#include "store/sqlite_writer.h"

namespace reprise {

// Safe for any thread. Destroying it commits what was accepted.
class SqliteDatabase {
 public:
  // Makes the file if missing and brings its schema up to date.
  static Result<std::shared_ptr<SqliteDatabase>> Open(const std::filesystem::path& file,
                                                      SqliteEntryStoreOptions options);
  SqliteDatabase(std::filesystem::path file, SqliteEntryStoreOptions options, FileLock lock,
                 SqliteConnection connection)
      : file_(std::move(file)),
        options_(options),
        lock_(std::move(lock)),
        sync_(*options.files, options.sync_errors),
        writer_(std::move(connection), options.queue, [this] { Committed(); }) {}

  SqliteWriter& writer() { return writer_; }

  // A connection of the caller's own.
  Result<SqliteConnection> OpenReader() const {
    return SqliteConnection::Open(file_, SqliteConnection::Mode::kReadOnly,
                                  options_.busy_timeout_ms);
  }

 private:
  const std::filesystem::path file_;
  const SqliteEntryStoreOptions options_;
  void Committed() {
    if (options_.sync == SyncMode::kBehind) sync_.Add(file_.string() + "-wal");
  }

  const FileLock lock_;  // given back after the writer has drained
  BackgroundSync sync_;
  SqliteWriter writer_;
};

std::unique_ptr<EntryStore> MakeSqliteEntryStore(std::shared_ptr<SqliteDatabase> database);

}  // namespace reprise
