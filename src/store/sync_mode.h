#pragma once

namespace reprise {

// When what is written reaches the disk. Either way it survives the end of the process at any
// moment (kill -9); only a power cut or a crash of the system tells the difference.
enum class SyncMode {
  kBehind,  // within some 100 ms, while the caller goes on
  kBefore,  // before the caller goes on
};

}  // namespace reprise
