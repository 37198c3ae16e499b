// Usage objects of image APIs, as the JSON texts they come as. Pure.
#pragma once

#include <string>

namespace reprise {

// The numbers of both added, at any depth; all else is the first one's. An empty text adds nothing.
std::string SumUsage(const std::string& total, const std::string& more);

}  // namespace reprise
