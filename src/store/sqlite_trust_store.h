// What was learned from use, in the embedded database. Internal to src/store.
#pragma once

#include <memory>

#include "store/sqlite_database.h"
#include "store/trust_store.h"

namespace reprise {

std::unique_ptr<TrustStore> MakeSqliteTrustStore(std::shared_ptr<SqliteDatabase> database);

}  // namespace reprise
