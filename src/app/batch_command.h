// `reprise generate --batch`: many images into a directory.
#pragma once

#include <string>

#include "app/commands.h"

namespace reprise {

struct BatchOptions {
  ConfigOptions config;
  std::string file;
  std::string out;
  std::string url;  // a running gateway; empty: the configured one, or a service of its own
  bool as_json = false;
};

// Gives the process's exit code: 1 when an item failed.
int GenerateBatch(const BatchOptions& options);

}  // namespace reprise
