// Reads every entry of the embedded store, for start-up.
#pragma once

#include <functional>

#include "base/result.h"
#include "store/entry_store.h"
#include "store/sqlite.h"

namespace reprise {

// Visits the entries in order of id, as of one moment. kCorrupt for a row that cannot be one of
// ours.
Result<void> ReadEntries(SqliteConnection& connection,
                         const std::function<void(Entry&&, StoredVector&&)>& visit);

}  // namespace reprise
