// `reprise doctor --repair`.
#pragma once

#include "app/config.h"
#include "store/repair.h"

namespace reprise {

// What is in the data directory, without reading every image.
Result<RepairReport> LookAtData(const Config& config);

// Repairs the data directory, prints what was found and done; the exit code.
int RepairData(const Config& config, bool as_json);

}  // namespace reprise
