// Reads entries of the embedded store, for start-up.
#pragma once

#include <string>

#include "base/result.h"
#include "store/entry_history.h"
#include "store/sqlite.h"

namespace reprise {

// Visit entries in order of id, as of one moment. kCorrupt for a row that cannot be one of ours.
Result<void> ReadEntriesIn(SqliteConnection& connection, EntryHistory::Range range,
                           const EntryVisit& visit);
// Those of the ids, a JSON array, that are there.
Result<void> ReadEntriesOf(SqliteConnection& connection, const std::string& ids,
                           const EntryVisit& visit);

}  // namespace reprise
