#include "store/sqlite.h"

namespace reprise {
namespace {

Code CodeOf(int primary) {
  switch (primary) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return Code::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kCorrupt;
    case SQLITE_CONSTRAINT:
      return Code::kConflict;
    case SQLITE_TOOBIG:
      return Code::kTooLarge;
    default:
      return Code::kInternal;
  }
}

std::string_view SqliteAdvice(int primary) {
  switch (primary) {
    case SQLITE_FULL:
      return "; free some space";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "; check that the directory exists and is writable";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another program has the file open";
    case SQLITE_CORRUPT:
      return "; restore the file, or move it away to start empty";
    case SQLITE_NOTADB:
      return "; this is not a database of Reprise";
    default:
      return "";
  }
}

std::unexpected<Error> Failed(sqlite3* database) {
  return std::unexpected(SqliteError(database));
}

}  // namespace

Error SqliteError(sqlite3* database) {
  const int code = sqlite3_extended_errcode(database);
  const char* file = sqlite3_db_filename(database, "main");
  std::string message = file && *file ? std::string(file) + ": " : std::string();
  message += sqlite3_errmsg(database);
  message += " (" + std::string(sqlite3_errstr(code)) + ", SQLite code " + std::to_string(code);
  message += ")" + std::string(SqliteAdvice(code & 0xff));
  return Error{.code = CodeOf(code & 0xff), .message = std::move(message)};
}

void SqliteStatement::Bound(int code) {
  ++next_;
  if (code != SQLITE_OK) bind_error_ = code;
}

SqliteStatement& SqliteStatement::Integer(std::int64_t value) {
  Bound(sqlite3_bind_int64(statement_.get(), next_, value));
  return *this;
}

SqliteStatement& SqliteStatement::Unsigned(std::uint64_t value) {
  return Integer(static_cast<std::int64_t>(value));
}

SqliteStatement& SqliteStatement::Real(double value) {
  Bound(sqlite3_bind_double(statement_.get(), next_, value));
  return *this;
}

SqliteStatement& SqliteStatement::Text(std::string_view value) {
  // A null pointer would bind NULL.
  const char* data = value.data() ? value.data() : "";
  Bound(sqlite3_bind_text64(statement_.get(), next_, data, value.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
  return *this;
}

SqliteStatement& SqliteStatement::Blob(std::string_view value) {
  const char* data = value.data() ? value.data() : "";
  Bound(sqlite3_bind_blob64(statement_.get(), next_, data, value.size(), SQLITE_TRANSIENT));
  return *this;
}

Result<bool> SqliteStatement::Step() {
  sqlite3* database = sqlite3_db_handle(statement_.get());
  if (bind_error_ != SQLITE_OK) {
    const Error error{
        .code = CodeOf(bind_error_ & 0xff),
        .message = std::string("a value cannot be stored: ") + sqlite3_errstr(bind_error_)};
    Reset();
    return std::unexpected(error);
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  auto failed = Failed(database);
  Reset();
  return failed;
}

Result<void> SqliteStatement::Run() {
  for (;;) {
    auto row = Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  next_ = 1;
  bind_error_ = SQLITE_OK;
}

std::int64_t SqliteStatement::GetInteger(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t SqliteStatement::GetUnsigned(int column) const {
  return static_cast<std::uint64_t>(GetInteger(column));
}

double SqliteStatement::GetReal(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view SqliteStatement::GetBytes(int column) const {
  // Order matters: the length is that of the value as last converted.
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int length = sqlite3_column_bytes(statement_.get(), column);
  return data ? std::string_view(data, static_cast<std::size_t>(length)) : std::string_view();
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<SqliteConnection> SqliteConnection::Open(const std::filesystem::path& file, Mode mode,
                                                int busy_timeout_ms) {
  const int flags =
      mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  SqliteConnection connection(raw);
  if (!raw) return Fail(Code::kInternal, "out of memory opening " + file.string());
  if (code != SQLITE_OK) {
    Error error = SqliteError(raw);
    error.message = "cannot open " + file.string() + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  if (auto set = connection.Execute("PRAGMA foreign_keys = ON"); !set) {
    return std::unexpected(set.error());
  }
  return connection;
}

Result<void> SqliteConnection::Execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Failed(database_.get());
  }
  return {};
}

Result<SqliteStatement*> SqliteConnection::Prepare(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) !=
        SQLITE_OK) {
      return Failed(database_.get());
    }
    statement = std::make_unique<SqliteStatement>(raw);
  }
  statement->Reset();
  return statement.get();
}

Result<std::int64_t> SqliteConnection::QueryInteger(const char* sql) {
  auto statement = Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  auto row = (*statement)->Step();
  if (!row) return std::unexpected(row.error());
  const std::int64_t value = *row ? (*statement)->GetInteger(0) : 0;
  (*statement)->Reset();
  return value;
}

}  // namespace reprise
