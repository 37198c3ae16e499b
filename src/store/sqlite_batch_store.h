// Batches in the embedded database. Internal to src/store.
#pragma once

#include <memory>

#include "store/batch_store.h"
#include "store/sqlite_database.h"

namespace reprise {

std::unique_ptr<BatchStore> MakeSqliteBatchStore(std::shared_ptr<SqliteDatabase> database);

}  // namespace reprise
