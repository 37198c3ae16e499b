// The history of entries in SQLite. Internal to src/store.
#pragma once

#include <memory>

#include "store/entry_history.h"
#include "store/sqlite_database.h"

namespace reprise {

std::unique_ptr<EntryHistory> MakeSqliteEntryHistory(std::shared_ptr<SqliteDatabase> database);

}  // namespace reprise
