// POSIX tar archives (IEEE 1003.1, pax, "ustar") of plain files: written and read as streams, one
// member in memory at a time. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

// Takes all of it, or fails.
using ByteSink = std::function<Result<void>(std::string_view bytes)>;
// Fills as much of the buffer as there is; 0: the end.
using ByteSource = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

// kCorrupt.
std::unexpected<Error> DamagedArchive(const std::string& what);

class TarWriter {
 public:
  explicit TarWriter(ByteSink sink) : sink_(std::move(sink)) {}

  // `name` has at most 99 bytes.
  Result<void> Add(std::string_view name, std::string_view bytes);
  // What ends an archive; once.
  Result<void> Finish();

 private:
  const ByteSink sink_;
};

struct TarMember {
  std::string name;
  std::string bytes;
};

class TarReader {
 public:
  TarReader(ByteSource source, std::size_t max_member_bytes)
      : source_(std::move(source)), max_member_bytes_(max_member_bytes) {}

  // Nothing at the archive's end. kCorrupt: it is none, is cut off, or has what is no plain file;
  // kTooLarge: a member beyond the bound.
  Result<std::optional<TarMember>> Next();

 private:
  // Nothing when the source has ended where a header may not be.
  Result<std::optional<std::string>> Read(std::size_t size);

  const ByteSource source_;
  const std::size_t max_member_bytes_;
};

}  // namespace reprise
