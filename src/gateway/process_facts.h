// What the system says of this process.
#pragma once

#include <cstdint>

namespace reprise {

// A field is 0 where the system does not tell.
struct ProcessFacts {
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_fds = 0, max_fds = 0;
  double cpu_seconds = 0;   // user and system
  double start_time_s = 0;  // Unix time
};

// Reads /proc; some 50 us.
ProcessFacts ReadProcessFacts();

}  // namespace reprise
