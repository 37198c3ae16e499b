// How much room a disk has left.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace reprise {

// Bytes this process may still write to the disk of `path`, which exists. Takes about a microsecond
// on a local disk.
Result<std::uint64_t> FreeDiskBytes(const std::filesystem::path& path);

}  // namespace reprise
