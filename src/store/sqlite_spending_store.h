// What tenants spent, in the embedded database. Internal to src/store.
#pragma once

#include <memory>

#include "store/spending_store.h"
#include "store/sqlite_database.h"

namespace reprise {

std::unique_ptr<SpendingStore> MakeSqliteSpendingStore(std::shared_ptr<SqliteDatabase> database);

}  // namespace reprise
