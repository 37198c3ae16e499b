// Memory that is a file as well, so that the kernel can send its bytes without copying them
// (sendfile): what files are to a file server, for bytes that need not be on a disk.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace reprise {

// Some bytes of a FileMemory, which stays as long as they do. Never changes; safe for any thread.
class FileBytes {
 public:
  virtual ~FileBytes() = default;
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  std::string_view view() const { return view_; }

 protected:
  explicit FileBytes(std::string_view view) : view_(view) {}

 private:
  const std::string_view view_;
};

using FileBytesPtr = std::shared_ptr<const FileBytes>;

// Pages of an anonymous file (memfd_create(2)), handed out by first fit. Safe for any thread.
class FileMemory : public std::enable_shared_from_this<FileMemory> {
 public:
  // Room for `capacity` bytes, in whole pages; nothing is taken before it is used. kUnavailable
  // when the system gives no such file.
  static Result<std::shared_ptr<FileMemory>> Create(std::size_t capacity);
  ~FileMemory();
  FileMemory(const FileMemory&) = delete;
  FileMemory& operator=(const FileMemory&) = delete;

  // A copy of `bytes`, which are not empty; null when there is no room for them in one piece.
  FileBytesPtr Copy(std::string_view bytes);

  // Where to send from.
  struct Place {
    int file = -1;
    std::size_t offset = 0;
  };
  // Where these bytes are, if they belong to a FileMemory of this process.
  static std::optional<Place> Find(const void* bytes);

 private:
  class Slice;
  FileMemory(int file, char* start, std::size_t size);
  std::optional<std::size_t> Take(std::size_t size);
  void Give(std::size_t offset, std::size_t size);

  const int file_;
  char* const start_;
  const std::size_t size_;
  std::mutex mutex_;
  std::map<std::size_t, std::size_t> free_;  // by offset: how many bytes are free from there on
};

}  // namespace reprise
