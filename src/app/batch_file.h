// A batch as a YAML file: the members of POST /v1/batches.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace reprise {

// The body of the request, items as a list in the order of the file. Quoted scalars are texts,
// others what YAML's core schema says. kInvalidArgument names the line.
Result<nlohmann::json> ParseBatchFile(const std::string& yaml, const std::string& name);
Result<nlohmann::json> ReadBatchFile(const std::filesystem::path& file);

}  // namespace reprise
