// A lock on a file, held by one process at a time: two writers in one data directory would delete
// each other's temporary files and disagree about what is stored.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "store/posix_file.h"

namespace reprise {

// Held until destroyed, or until the process ends in any way. The file itself stays: removing it
// would let two processes lock two different files of one name.
class FileLock {
 public:
  // Makes the file if missing. kConflict, naming the holder, when another owner has it, be it in
  // this process or another; kUnavailable when it cannot be made.
  static Result<FileLock> Acquire(const std::filesystem::path& file);

 private:
  explicit FileLock(PosixFile file) : file_(std::move(file)) {}

  PosixFile file_;
};

}  // namespace reprise
