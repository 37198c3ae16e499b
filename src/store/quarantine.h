// Where damaged blobs are set aside, for whoever wants to look at them: they count against no
// budget, so there is a bound of their own. Safe for any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

#include "base/result.h"
#include "store/files.h"

namespace reprise {

class Quarantine {
 public:
  static constexpr std::uint64_t kMaxBytes = 256u << 20;

  // In a directory that is there; `files` outlives this object.
  Quarantine(std::filesystem::path directory, Files& files, std::uint64_t max_bytes = kMaxBytes)
      : directory_(std::move(directory)), files_(files), max_bytes_(max_bytes) {}

  // Moves the file here, in the place of one of the same name, then removes the oldest files until
  // the bound is kept.
  Result<void> Take(const std::filesystem::path& file, const std::string& name);

  // Removes the oldest files until the bound is kept: what an earlier version left.
  void Trim();

  const std::filesystem::path& directory() const { return directory_; }

 private:
  const std::filesystem::path directory_;
  Files& files_;
  const std::uint64_t max_bytes_;
  std::mutex mutex_;
};

}  // namespace reprise
