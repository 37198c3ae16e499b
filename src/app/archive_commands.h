// `reprise export` and `reprise import`.
#pragma once

#include "app/commands.h"

namespace reprise {

void AddExport(CLI::App& root, Command& chosen);
void AddImport(CLI::App& root, Command& chosen);

}  // namespace reprise
