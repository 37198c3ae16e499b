#include "store/disk_space.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "store/posix_file.h"

namespace reprise {

Result<std::uint64_t> FreeDiskBytes(const std::filesystem::path& path) {
  struct statvfs disk;
  if (::statvfs(path.c_str(), &disk) != 0) return FileError("look at the disk of", path, errno);
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace reprise
