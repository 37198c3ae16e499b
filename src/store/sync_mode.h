#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace reprise {

// When what is written reaches the disk. Either way it survives the end of the process at any
// moment (kill -9); only a power cut or a crash of the system tells the difference.
enum class SyncMode {
  kBehind,  // within some 100 ms, while the caller goes on
  kBefore,  // before the caller goes on
};

// Counts files that SyncMode::kBehind could not bring to the disk. Nothing is tried again: after a
// failed fsync Linux takes the pages for written, and the next one would succeed without them
// (fsync(2), EIO). What a power cut then takes is found by the checksums, as any other damage.
using SyncErrors = std::shared_ptr<std::atomic<std::uint64_t>>;

}  // namespace reprise
