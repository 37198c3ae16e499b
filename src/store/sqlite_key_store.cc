#include <openssl/rand.h>

#include <array>
#include <mutex>

#include "store/file_lock.h"
#include "store/key_store.h"
#include "store/posix_file.h"
#include "store/sqlite.h"
#include "store/sqlite_schema.h"

namespace reprise {
namespace {

constexpr std::size_t kSecretBytes = 32;

constexpr char kAddKey[] =
    "INSERT INTO api_keys(hash, name, tenant, scopes, requests_per_minute, concurrent, created_ms,"
    " last_used_ms, revoked_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
constexpr char kRevoke[] =
    "UPDATE api_keys SET revoked_ms = ? WHERE id = ? AND revoked_ms = 0 RETURNING id";
constexpr char kAll[] =
    "SELECT id, hash, name, tenant, scopes, requests_per_minute, concurrent, created_ms,"
    " last_used_ms, revoked_ms FROM api_keys ORDER BY id";
constexpr char kNoteUse[] =
    "UPDATE api_keys SET last_used_ms = ? WHERE id = ? AND last_used_ms < ?";
constexpr char kPutSecret[] = "INSERT OR IGNORE INTO secrets(name, value) VALUES(?, ?)";
constexpr char kSecret[] = "SELECT value FROM secrets WHERE name = ?";

constexpr std::pair<Scope, std::string_view> kScopeNames[] = {
    {Scope::kGenerate, "generate"}, {Scope::kRead, "read"}, {Scope::kAdmin, "admin"}};

Result<StoredKey> ReadKey(const SqliteStatement& row) {
  const std::int64_t id = row.GetInteger(0);
  const auto hash = Digest::FromRaw(row.GetBytes(1));
  const auto scopes = ParseScopes(row.GetBytes(4));
  if (!hash || !scopes) {
    return Fail(Code::kCorrupt, "API key " + std::to_string(id) +
                                    " has no valid hash or scopes; restore the database, or remove "
                                    "that row of api_keys");
  }
  return StoredKey{.id = id,
                   .hash = *hash,
                   .name = std::string(row.GetBytes(2)),
                   .tenant = std::string(row.GetBytes(3)),
                   .scopes = *scopes,
                   .requests_per_minute = row.GetInteger(5),
                   .concurrent = row.GetInteger(6),
                   .created_ms = row.GetInteger(7),
                   .last_used_ms = row.GetInteger(8),
                   .revoked_ms = row.GetInteger(9)};
}

class SqliteKeyStore final : public KeyStore {
 public:
  explicit SqliteKeyStore(SqliteConnection connection) : connection_(std::move(connection)) {}

  Result<std::int64_t> Add(const StoredKey& key) override {
    std::lock_guard lock(mutex_);
    auto add = connection_.Prepare(kAddKey);
    if (!add) return std::unexpected(add.error());
    (*add)->Blob(key.hash.View()).Text(key.name).Text(key.tenant).Text(ToString(key.scopes));
    (*add)->Integer(key.requests_per_minute).Integer(key.concurrent).Integer(key.created_ms);
    (*add)->Integer(key.last_used_ms).Integer(key.revoked_ms);
    const auto row = (*add)->Step();
    if (!row) return std::unexpected(row.error());
    const std::int64_t id = (*add)->GetInteger(0);
    if (auto done = (*add)->Run(); !done) return std::unexpected(done.error());
    return id;
  }

  Result<bool> Revoke(std::int64_t id, std::int64_t now_ms) override {
    std::lock_guard lock(mutex_);
    auto revoke = connection_.Prepare(kRevoke);
    if (!revoke) return std::unexpected(revoke.error());
    const auto row = (*revoke)->Integer(now_ms).Integer(id).Step();
    if (!row || !*row) return row;
    if (auto done = (*revoke)->Run(); !done) return std::unexpected(done.error());
    return true;
  }

  Result<std::vector<StoredKey>> All() override {
    std::lock_guard lock(mutex_);
    auto all = connection_.Prepare(kAll);
    if (!all) return std::unexpected(all.error());
    std::vector<StoredKey> keys;
    for (;;) {
      const auto row = (*all)->Step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return keys;
      auto key = ReadKey(**all);
      if (!key) {
        (*all)->Reset();
        return std::unexpected(key.error());
      }
      keys.push_back(std::move(*key));
    }
  }

  Result<void> NoteUse(const std::vector<KeyUse>& uses) override {
    std::lock_guard lock(mutex_);
    auto done = connection_.Execute("BEGIN IMMEDIATE");
    if (!done) return done;
    for (const KeyUse& use : uses) {
      if (done = NoteOne(use); !done) break;
    }
    if (done) done = connection_.Execute("COMMIT");
    if (!done && connection_.in_transaction()) (void)connection_.Execute("ROLLBACK");
    return done;
  }

  Result<std::int64_t> Version() override {
    std::lock_guard lock(mutex_);
    return connection_.QueryInteger("PRAGMA data_version");
  }

  Result<std::string> Secret(const std::string& name) override {
    std::array<unsigned char, kSecretBytes> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
      return Fail(Code::kInternal, "the system gives no random bytes");
    }
    std::lock_guard lock(mutex_);
    auto put = connection_.Prepare(kPutSecret);
    if (!put) return std::unexpected(put.error());
    (*put)->Text(name).Blob({reinterpret_cast<const char*>(random.data()), random.size()});
    if (auto done = (*put)->Run(); !done) return std::unexpected(done.error());
    auto read = connection_.Prepare(kSecret);
    if (!read) return std::unexpected(read.error());
    const auto row = (*read)->Text(name).Step();
    if (!row) return std::unexpected(row.error());
    std::string secret((*read)->GetBytes(0));
    (*read)->Reset();
    return secret;
  }

 private:
  Result<void> NoteOne(const KeyUse& use) {
    auto note = connection_.Prepare(kNoteUse);
    if (!note) return std::unexpected(note.error());
    return (*note)->Integer(use.last_used_ms).Integer(use.id).Integer(use.last_used_ms).Run();
  }

  std::mutex mutex_;
  SqliteConnection connection_;
};

// Whoever holds the lock may change the schema; beside a running gateway it has to fit as it is.
Result<void> PrepareSchema(SqliteConnection& connection, const std::filesystem::path& file) {
  const auto lock = FileLock::Acquire(file.string() + ".lock");
  if (lock) return MigrateSchema(connection, file);
  if (lock.error().code != Code::kConflict) return std::unexpected(lock.error());
  return CheckSchema(connection, file);
}

}  // namespace

std::string ToString(Scopes scopes) {
  std::string text;
  for (const auto& [scope, name] : kScopeNames) {
    if (Includes(scopes, scope)) text.append(text.empty() ? "" : ",").append(name);
  }
  return text;
}

Result<Scopes> ParseScopes(std::string_view text) {
  Scopes scopes = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    Scopes found = 0;
    for (const auto& [scope, name] : kScopeNames) {
      if (word == name) found = static_cast<Scopes>(scope);
    }
    if (found == 0) {
      return Fail(Code::kInvalidArgument, "'" + std::string(word.substr(0, 40)) +
                                              "' is no scope; there are generate, read and admin");
    }
    scopes |= found;
  }
  if (scopes != 0) return scopes;
  return Fail(Code::kInvalidArgument,
              "a key without a scope may do nothing; name some of generate, read and admin");
}

Result<std::unique_ptr<KeyStore>> OpenSqliteKeyStore(const std::filesystem::path& file) {
  if (auto ready = MakeDirectory(file.parent_path()); !ready) {
    return std::unexpected(ready.error());
  }
  auto connection =
      SqliteConnection::Open(file, SqliteConnection::Mode::kReadWrite, kBusyTimeoutMs);
  if (!connection) return std::unexpected(connection.error());
  if (auto ready = PrepareSchema(*connection, file); !ready) return std::unexpected(ready.error());
  return std::make_unique<SqliteKeyStore>(std::move(*connection));
}

}  // namespace reprise
