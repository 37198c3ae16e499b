#include "store/sqlite_schema.h"

#include <array>
#include <string>

namespace reprise {
namespace {

constexpr std::int64_t kApplicationId = 0x52505253;  // "RPRS", see `PRAGMA application_id`

// Version 4: batches. `change` numbers the ends of a batch's items, see BatchItem.
constexpr char kBatchTables[] = R"sql(
  CREATE TABLE batches(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    url_base TEXT NOT NULL,
    cancelled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    webhook_url TEXT NOT NULL,
    webhook_secret TEXT NOT NULL,
    webhook_status INTEGER NOT NULL,
    webhook_attempts INTEGER NOT NULL,
    webhook_error TEXT NOT NULL
  ) STRICT;
  CREATE INDEX batches_by_tenant ON batches(tenant, number);
  CREATE TABLE batch_items(
    batch INTEGER NOT NULL REFERENCES batches ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    result TEXT NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY(batch, position)
  ) STRICT, WITHOUT ROWID;
)sql";

// Version 5: what tenants spent on images, for their budgets.
constexpr char kTenantSpendingTable[] = R"sql(
  CREATE TABLE tenant_spending(
    day INTEGER NOT NULL,  -- since the Unix epoch, UTC
    tenant TEXT NOT NULL,
    usd REAL NOT NULL,
    PRIMARY KEY(day, tenant)
  ) STRICT, WITHOUT ROWID;
)sql";

// Version 6: the requests that started batches, so that one sent again starts none.
constexpr char kBatchKeys[] = R"sql(
  ALTER TABLE batches ADD COLUMN idempotency_key TEXT NOT NULL DEFAULT '';
  ALTER TABLE batches ADD COLUMN body_digest TEXT NOT NULL DEFAULT '';
  CREATE UNIQUE INDEX batches_by_key ON batches(tenant, idempotency_key)
    WHERE idempotency_key <> '';
)sql";

// Version 7: who may use the gateway, see StoredKey; and what it signs with.
constexpr char kAccessTables[] = R"sql(
  CREATE TABLE api_keys(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    scopes TEXT NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    concurrent INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_used_ms INTEGER NOT NULL,
    revoked_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE secrets(
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
)sql";

// Version 8: what has changed since the snapshot that start-up reads, and which one that is, see
// EntryHistory. Triggers, so that nobody who writes an entry can leave the note out. An entry's
// newest change counts: AUTOINCREMENT never gives a number twice, also after older ones are gone.
constexpr char kHistoryTables[] = R"sql(
  CREATE TABLE changes(
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    entry INTEGER NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE snapshot(  -- no row, or one
    name TEXT NOT NULL,
    seq INTEGER NOT NULL
  ) STRICT;
  CREATE TRIGGER entries_inserted AFTER INSERT ON entries BEGIN
    DELETE FROM changes WHERE entry = new.id;
    INSERT INTO changes(entry) VALUES(new.id);
  END;
  CREATE TRIGGER entries_updated AFTER UPDATE ON entries BEGIN
    DELETE FROM changes WHERE entry IN (old.id, new.id);
    INSERT INTO changes(entry) VALUES(new.id);
    INSERT INTO changes(entry) SELECT old.id WHERE old.id <> new.id;
  END;
  CREATE TRIGGER entries_deleted AFTER DELETE ON entries BEGIN
    DELETE FROM changes WHERE entry = old.id;
    INSERT INTO changes(entry) VALUES(old.id);
  END;
  CREATE TRIGGER images_inserted AFTER INSERT ON images BEGIN
    DELETE FROM changes WHERE entry = new.entry;
    INSERT INTO changes(entry) VALUES(new.entry);
  END;
  CREATE TRIGGER images_updated AFTER UPDATE ON images BEGIN
    DELETE FROM changes WHERE entry IN (old.entry, new.entry);
    INSERT INTO changes(entry) VALUES(new.entry);
    INSERT INTO changes(entry) SELECT old.entry WHERE old.entry <> new.entry;
  END;
  CREATE TRIGGER images_deleted AFTER DELETE ON images BEGIN
    DELETE FROM changes WHERE entry = old.entry;
    INSERT INTO changes(entry) VALUES(old.entry);
  END;
  CREATE TRIGGER tags_inserted AFTER INSERT ON tags BEGIN
    DELETE FROM changes WHERE entry = new.entry;
    INSERT INTO changes(entry) VALUES(new.entry);
  END;
  CREATE TRIGGER tags_updated AFTER UPDATE ON tags BEGIN
    DELETE FROM changes WHERE entry IN (old.entry, new.entry);
    INSERT INTO changes(entry) VALUES(new.entry);
    INSERT INTO changes(entry) SELECT old.entry WHERE old.entry <> new.entry;
  END;
  CREATE TRIGGER tags_deleted AFTER DELETE ON tags BEGIN
    DELETE FROM changes WHERE entry = old.entry;
    INSERT INTO changes(entry) VALUES(old.entry);
  END;
  CREATE TRIGGER vectors_inserted AFTER INSERT ON vectors BEGIN
    DELETE FROM changes WHERE entry = new.entry;
    INSERT INTO changes(entry) VALUES(new.entry);
  END;
  CREATE TRIGGER vectors_updated AFTER UPDATE ON vectors BEGIN
    DELETE FROM changes WHERE entry IN (old.entry, new.entry);
    INSERT INTO changes(entry) VALUES(new.entry);
    INSERT INTO changes(entry) SELECT old.entry WHERE old.entry <> new.entry;
  END;
  CREATE TRIGGER vectors_deleted AFTER DELETE ON vectors BEGIN
    DELETE FROM changes WHERE entry = old.entry;
    INSERT INTO changes(entry) VALUES(old.entry);
  END;
)sql";

// Migration i leads from version i to version i + 1. A released one never changes.
// AUTOINCREMENT: ids are never given twice, since callers keep them after a removal. Prompts and
// tags are TEXT for the sake of whoever opens the file, whatever bytes they hold.
constexpr std::array kMigrations = {
    R"sql(
      CREATE TABLE entries(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL,
        fingerprint BLOB NOT NULL UNIQUE,
        compatibility BLOB NOT NULL,
        prompt TEXT NOT NULL,
        model TEXT NOT NULL,
        bucket TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        params TEXT NOT NULL,
        category TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        cost_usd REAL NOT NULL,
        generation_ms INTEGER NOT NULL,
        hits INTEGER NOT NULL,
        last_used_ms INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE images(
        entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
        position INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
        blob BLOB NOT NULL,
        media_type TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        revised_prompt TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        PRIMARY KEY(entry, position)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE tags(
        entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
        position INTEGER NOT NULL,
        tag TEXT NOT NULL,
        PRIMARY KEY(entry, position)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE vectors(
        entry INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
        embedder TEXT NOT NULL,
        value BLOB NOT NULL  -- binary16, little-endian
      ) STRICT;
    )sql",
    R"sql(
      ALTER TABLE images ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;
      UPDATE images SET expires_ms = (SELECT expires_ms FROM entries WHERE entries.id = entry);
    )sql",
    // Corrections outlive the entries they were about: the same prompts come again.
    R"sql(
      CREATE TABLE corrections(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        pair BLOB NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        entry INTEGER NOT NULL,
        entry_prompt TEXT NOT NULL,
        prompt TEXT NOT NULL,
        same INTEGER NOT NULL,
        note TEXT NOT NULL,
        created_ms INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX corrections_by_tenant ON corrections(tenant, id);
      CREATE TABLE reviews(
        entry INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
        since_ms INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE observations(
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source INTEGER NOT NULL,
        pool INTEGER NOT NULL,
        decision INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        similarity REAL NOT NULL,
        score REAL,
        same INTEGER,
        created_ms INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE spending(
        day INTEGER PRIMARY KEY,  -- since the Unix epoch, UTC
        usd REAL NOT NULL
      ) STRICT;
    )sql",
    kBatchTables,
    kTenantSpendingTable,
    kBatchKeys,
    kAccessTables,
    kHistoryTables,
};

Result<void> CheckOwner(SqliteConnection& connection, const std::filesystem::path& file) {
  auto application = connection.QueryInteger("PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  auto objects = connection.QueryInteger("SELECT count(*) FROM sqlite_schema");
  if (!objects) return std::unexpected(objects.error());
  if (*objects > 0 && *application != kApplicationId) {
    return Fail(Code::kConflict, file.string() +
                                     " is a database of another program; use another file or data "
                                     "directory");
  }
  return {};
}

Result<void> Migrate(SqliteConnection& connection, std::size_t from) {
  const std::string finish = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                             "; PRAGMA user_version = " + std::to_string(from + 1) + "; COMMIT";
  auto done = connection.Execute("BEGIN IMMEDIATE");
  if (done) done = connection.Execute(kMigrations[from]);
  if (done) done = connection.Execute(finish.c_str());
  if (!done && connection.in_transaction()) (void)connection.Execute("ROLLBACK");
  return done;
}

}  // namespace

Result<void> CheckSchema(SqliteConnection& connection, const std::filesystem::path& file) {
  if (auto owned = CheckOwner(connection, file); !owned) return owned;
  const auto version = connection.QueryInteger("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (static_cast<std::size_t>(*version) == kMigrations.size()) return {};
  return Fail(Code::kConflict, "a running gateway has " + file.string() + " at schema version " +
                                   std::to_string(*version) + ", this Reprise needs " +
                                   std::to_string(kMigrations.size()) +
                                   "; use the program that runs, or restart it with this one");
}

Result<void> MigrateSchema(SqliteConnection& connection, const std::filesystem::path& file) {
  if (auto owned = CheckOwner(connection, file); !owned) return owned;
  auto version = connection.QueryInteger("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version < 0 || static_cast<std::size_t>(*version) > kMigrations.size()) {
    return Fail(Code::kConflict, file.string() + " has schema version " + std::to_string(*version) +
                                     ", this Reprise knows up to " +
                                     std::to_string(kMigrations.size()) +
                                     "; use the newer Reprise that wrote it, or another data "
                                     "directory");
  }
  for (auto at = static_cast<std::size_t>(*version); at < kMigrations.size(); ++at) {
    if (auto done = Migrate(connection, at); !done) return done;
  }
  return {};
}

}  // namespace reprise
