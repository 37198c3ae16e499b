#include "store/quarantine.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/log.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;

struct Kept {
  fs::file_time_type written;
  std::uint64_t bytes;
  fs::path path;
};

// Oldest first; what vanishes meanwhile is left out.
std::vector<Kept> FilesIn(const fs::path& directory) {
  std::vector<Kept> kept;
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; !error && file != end;
       file.increment(error)) {
    std::error_code gone;
    const Kept one{file->last_write_time(gone), gone ? 0 : file->file_size(gone), file->path()};
    if (!gone) kept.push_back(one);
  }
  std::ranges::sort(kept, {}, &Kept::written);
  return kept;
}

}  // namespace

Result<void> Quarantine::Take(const fs::path& file, const std::string& name) {
  if (auto moved = files_.Rename(file, directory_ / name); !moved) return moved;
  std::error_code ignored;  // it then counts as old
  fs::last_write_time(directory_ / name, fs::file_time_type::clock::now(), ignored);
  Trim();
  return {};
}

void Quarantine::Trim() {
  std::lock_guard lock(mutex_);
  const std::vector<Kept> kept = FilesIn(directory_);
  std::uint64_t bytes = 0;
  for (const Kept& file : kept) bytes += file.bytes;
  for (const Kept& file : kept) {
    if (bytes <= max_bytes_) return;
    const auto removed = files_.Remove(file.path);
    if (!removed) log::warn("{}", removed.error().message);
    bytes -= file.bytes;
  }
}

}  // namespace reprise
