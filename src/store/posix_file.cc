#include "store/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace reprise {
namespace {

std::string_view ErrnoAdvice(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or lower the cache's byte budget";
    case EACCES:
    case EPERM:
      return "give this process permission to read and write there";
    case EROFS:
      return "remount it writable, or use another data directory";
    case ENOTDIR:
    case EEXIST:
      return "use another data directory: a file is in the way";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n)";
    default:
      return "check the disk and the data directory";
  }
}

// -1 with errno set on failure.
int OpenDescriptor(const std::filesystem::path& path, int flags) {
  int descriptor;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

}  // namespace

std::unexpected<Error> FileError(std::string_view action, const std::filesystem::path& path,
                                 int error_number) {
  return Fail(Code::kUnavailable, "cannot " + std::string(action) + " " + path.string() + ": " +
                                      std::generic_category().message(error_number) + "; " +
                                      std::string(ErrnoAdvice(error_number)));
}

Result<PosixFile> PosixFile::Open(const std::filesystem::path& path, int flags) {
  const int descriptor = OpenDescriptor(path, flags);
  if (descriptor < 0) return FileError("open", path, errno);
  return PosixFile(path, descriptor);
}

Result<std::optional<PosixFile>> PosixFile::OpenIfThere(const std::filesystem::path& path) {
  const int descriptor = OpenDescriptor(path, O_RDONLY);
  if (descriptor >= 0) return PosixFile(path, descriptor);
  if (errno == ENOENT) return std::nullopt;
  return FileError("read", path, errno);
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> PosixFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("write", path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::uint64_t> PosixFile::Size() const {
  struct stat status;
  if (::fstat(descriptor_, &status) != 0) return FileError("read", path_, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

// Stops at the end of the file.
Result<std::size_t> PosixFile::Fill(std::span<char> bytes, std::uint64_t offset) const {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto got =
        ::pread(descriptor_, bytes.data() + at, bytes.size() - at, static_cast<off_t>(offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("read", path_, errno);
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  return at;
}

Result<std::string> PosixFile::ReadAll() const {
  const auto size = Size();
  if (!size) return std::unexpected(size.error());
  std::string bytes(*size, '\0');
  const auto got = Fill(bytes, 0);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

Result<std::string> PosixFile::ReadAt(std::uint64_t offset, std::size_t size) const {
  std::string bytes;
  bytes.resize_and_overwrite(size, [size](char*, std::size_t) { return size; });
  const auto read = ReadAt(offset, std::as_writable_bytes(std::span(bytes)));
  if (!read) return std::unexpected(read.error());
  return bytes;
}

Result<void> PosixFile::ReadAt(std::uint64_t offset, std::span<std::byte> bytes) const {
  const auto got = Fill({reinterpret_cast<char*>(bytes.data()), bytes.size()}, offset);
  if (!got) return std::unexpected(got.error());
  if (*got == bytes.size()) return {};
  return Fail(Code::kUnavailable, path_.string() + " ends after " + std::to_string(offset + *got) +
                                      " bytes, where " + std::to_string(bytes.size()) + " from " +
                                      std::to_string(offset) + " on were expected");
}

Result<void> PosixFile::Sync() {
  if (::fsync(descriptor_) != 0) return FileError("sync", path_, errno);
  return {};
}

Result<void> SyncDirectory(const std::filesystem::path& directory) {
  auto opened = PosixFile::Open(directory, O_RDONLY | O_DIRECTORY);
  if (!opened) return std::unexpected(opened.error());
  return opened->Sync();
}

Result<void> MakeDirectory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.empty() || std::filesystem::is_directory(directory, error)) return {};
  const auto parent = directory.parent_path();
  if (auto made = MakeDirectory(parent); !made) return made;
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    return FileError("make the directory", directory, errno);
  }
  if (!std::filesystem::is_directory(directory, error)) {
    return FileError("make the directory", directory, EEXIST);
  }
  return SyncDirectory(parent.empty() ? "." : parent);
}

}  // namespace reprise
