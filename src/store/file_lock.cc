#include "store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace reprise {

Result<FileLock> FileLock::Acquire(const std::filesystem::path& path) {
  auto file = PosixFile::Open(path, O_RDWR | O_CREAT);
  if (!file) return std::unexpected(file.error());
  if (::flock(file->descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FileError("lock", path, errno);
    const auto holder = file->ReadAll().value_or("");
    return Fail(Code::kConflict, path.string() + " is locked by " +
                                     (holder.empty() ? "another process" : "process " + holder) +
                                     "; stop it, or use another data directory");
  }
  const std::string holder = std::to_string(::getpid());
  if (::ftruncate(file->descriptor(), 0) != 0) return FileError("write", path, errno);
  if (auto written = file->Write(holder); !written) return std::unexpected(written.error());
  return FileLock(std::move(*file));
}

}  // namespace reprise
