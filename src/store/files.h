// What the stores ask of the file system, so that tests can stand between (a disk that fails, or
// forgets what was not synced) and nothing else has to know. Every failure is kUnavailable with the
// path, the system's reason and what to do.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reprise {

// Safe for any thread, as far as the files themselves are not shared.
class Files {
 public:
  using Path = std::filesystem::path;
  virtual ~Files() = default;

  // Makes the file, or empties it, and writes the bytes; they are on the disk when it returns if
  // `sync`. After a failure the file may hold a part of them.
  virtual Result<void> Write(const Path& file, std::string_view bytes, bool sync) = 0;
  // Nothing when there is no such file.
  virtual Result<std::optional<std::string>> Read(const Path& file) = 0;
  virtual Result<bool> Exists(const Path& file) = 0;
  // kNotFound when `from`, or the directory of `to`, is not there.
  virtual Result<void> Rename(const Path& from, const Path& to) = 0;
  // Removing what is not there is no error.
  virtual Result<void> Remove(const Path& file) = 0;
  // In one that is there; no error when it is there already. The name is not synced.
  virtual Result<void> MakeDirectory(const Path& directory) = 0;
  // The names in a directory, in any order; none when it is not there.
  virtual Result<std::vector<std::string>> List(const Path& directory) = 0;
  // A file's bytes and length, or a directory's names, reach the disk. No error when it is gone.
  virtual Result<void> Sync(const Path& path) = 0;
};

// The system's own.
Files& SystemFiles();

}  // namespace reprise
