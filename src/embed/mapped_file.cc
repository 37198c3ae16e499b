#include "embed/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reprise {
namespace {

std::unexpected<Error> CannotRead(const std::filesystem::path& file, const char* why) {
  return Fail(Code::kNotFound, "cannot read " + file.string() + ": " + why);
}

}  // namespace

Result<MappedFile> MappedFile::Open(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return CannotRead(file, std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = MAP_FAILED;
  if (regular && size > 0) address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  const int fault = errno;
  ::close(fd);
  if (!regular) return CannotRead(file, "it is no regular file");
  if (size == 0) return MappedFile({});
  if (address == MAP_FAILED) return CannotRead(file, std::strerror(fault));
  return MappedFile({static_cast<const char*>(address), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace reprise
