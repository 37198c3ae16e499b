// Files with durability: what std::fstream cannot say (fsync, exclusive creation, the cause of a
// failure). Every failure names the path, the system's reason and what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace reprise {

// kUnavailable: "cannot write /data/ab: No space left on device; free some space".
std::unexpected<Error> FileError(std::string_view action, const std::filesystem::path& path,
                                 int error_number);

// Owns a descriptor. Not for use by two threads at once.
class PosixFile {
 public:
  // `flags` as in open(2); O_CLOEXEC is added, new files are readable by owner and group.
  static Result<PosixFile> Open(const std::filesystem::path& path, int flags);
  // For reading. Nothing when there is no such file: one call, as a file may come and go meanwhile.
  static Result<std::optional<PosixFile>> OpenIfThere(const std::filesystem::path& path);

  PosixFile(PosixFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  PosixFile& operator=(PosixFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~PosixFile();

  Result<void> Write(std::string_view bytes);
  // From the start of the file, wherever it was written or read before.
  Result<std::string> ReadAll() const;
  Result<std::uint64_t> Size() const;
  // Exactly so many bytes; kUnavailable when the file ends before. For several threads at once.
  Result<std::string> ReadAt(std::uint64_t offset, std::size_t size) const;
  Result<void> ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const;
  // Bytes and length reach the disk.
  Result<void> Sync();

  int descriptor() const { return descriptor_; }

 private:
  Result<std::size_t> Fill(std::span<char> bytes, std::uint64_t offset) const;
  PosixFile(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}

  std::filesystem::path path_;
  int descriptor_;
};

// Makes the names in `directory` durable.
Result<void> SyncDirectory(const std::filesystem::path& directory);

// Makes `directory` and its parents, durably, as far as they are missing.
Result<void> MakeDirectory(const std::filesystem::path& directory);

}  // namespace reprise
