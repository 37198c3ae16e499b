// The schema of the embedded store, versioned with SQLite's user_version.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "store/sqlite.h"

namespace reprise {

// Brings a new or older database to the newest version, in one transaction per version. kConflict
// for one that a newer Reprise wrote or that belongs to another program; it is left untouched.
Result<void> MigrateSchema(SqliteConnection& connection, const std::filesystem::path& file);

// kConflict for one that is not at the newest version; changes nothing.
Result<void> CheckSchema(SqliteConnection& connection, const std::filesystem::path& file);

}  // namespace reprise
