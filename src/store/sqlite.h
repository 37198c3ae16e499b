// SQLite in C++: connections and statements that close themselves, and Error instead of codes.
// A connection and its statements belong to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace reprise {

// A prepared statement in use. Parameters count from 1, columns from 0. Binding errors show when
// the statement runs.
class SqliteStatement {
 public:
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  // Values are bound in order. Text and blobs are copied; any bytes are kept, also zero bytes and
  // invalid UTF-8. Unsigned integers keep their bits.
  SqliteStatement& Integer(std::int64_t value);
  SqliteStatement& Unsigned(std::uint64_t value);
  SqliteStatement& Real(double value);
  SqliteStatement& Text(std::string_view value);
  SqliteStatement& Blob(std::string_view value);

  // True: a row is ready. False: there are no more rows; the statement can be bound again.
  Result<bool> Step();
  // Steps to the end, ignoring rows.
  Result<void> Run();

  std::int64_t GetInteger(int column) const;
  std::uint64_t GetUnsigned(int column) const;
  double GetReal(int column) const;
  // The bytes of a text or a blob, valid until the next step.
  std::string_view GetBytes(int column) const;
  bool IsNull(int column) const;

  void Reset();

 private:
  struct Finalise {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void Bound(int code);

  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
  int next_ = 1;
  int bind_error_ = SQLITE_OK;
};

// How long a command waits for a lock of a gateway that runs.
inline constexpr int kBusyTimeoutMs = 5000;

class SqliteConnection {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  // kReadWrite makes the file if missing. Waits up to `busy` for locks of other connections.
  static Result<SqliteConnection> Open(const std::filesystem::path& file, Mode mode,
                                       int busy_timeout_ms);

  // Runs statements without results.
  Result<void> Execute(const char* sql);
  // A statement from this connection's cache, reset. `sql` is a literal: its address is the key.
  Result<SqliteStatement*> Prepare(const char* sql);
  // The integer that a pragma or query gives.
  Result<std::int64_t> QueryInteger(const char* sql);

  // SQLite rolls back by itself after some errors (disk full, I/O).
  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit SqliteConnection(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
  std::unordered_map<const char*, std::unique_ptr<SqliteStatement>> statements_;
};

// The error of the last call on `database`: kUnavailable when the disk, a lock or a permission is
// in the way, kCorrupt for a damaged file, kConflict for a violated constraint.
Error SqliteError(sqlite3* database);

}  // namespace reprise
