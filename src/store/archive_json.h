// Entries and corrections as the lines of an archive. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/entry_store.h"
#include "store/trust_store.h"

namespace reprise {

struct ArchivedEntry {
  Entry entry;
  StoredVector vector;
};

// Without the line's end.
std::string WriteEntryLine(const Entry& entry, const StoredVector& vector);
std::string WriteCorrectionLine(const Correction& correction);

// kCorrupt for what is no such line.
Result<ArchivedEntry> ReadEntryLine(std::string_view line);
Result<Correction> ReadCorrectionLine(std::string_view line);

}  // namespace reprise
