#include "store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "store/posix_file.h"

namespace reprise {
namespace {

class PosixFiles final : public Files {
 public:
  Result<void> Write(const Path& file, std::string_view bytes, bool sync) override {
    auto opened = PosixFile::Open(file, O_WRONLY | O_CREAT | O_TRUNC);
    if (!opened) return std::unexpected(opened.error());
    auto written = opened->Write(bytes);
    return written && sync ? opened->Sync() : written;
  }

  Result<std::optional<std::string>> Read(const Path& file) override {
    auto opened = PosixFile::OpenIfThere(file);
    if (!opened) return std::unexpected(opened.error());
    if (!*opened) return std::nullopt;
    return (*opened)->ReadAll();
  }

  Result<bool> Exists(const Path& file) override {
    struct stat status;
    if (::stat(file.c_str(), &status) == 0) return true;
    if (errno == ENOENT) return false;
    return FileError("look for", file, errno);
  }

  Result<void> Rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    const int error = errno;
    auto failed = FileError("rename a file to", to, error);
    if (error == ENOENT) failed.error().code = Code::kNotFound;
    return failed;
  }

  Result<void> Remove(const Path& file) override {
    if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
    return FileError("remove", file, errno);
  }

  Result<void> MakeDirectory(const Path& directory) override {
    if (::mkdir(directory.c_str(), 0750) == 0 || errno == EEXIST) return {};
    return FileError("make the directory", directory, errno);
  }

  Result<std::vector<std::string>> List(const Path& directory) override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator file(directory, error), end; !error && file != end;
         file.increment(error)) {
      names.push_back(file->path().filename().string());
    }
    if (!error || error == std::errc::no_such_file_or_directory) return names;
    return FileError("list", directory, error.value());
  }

  Result<void> Sync(const Path& path) override {
    auto opened = PosixFile::OpenIfThere(path);
    if (!opened) return std::unexpected(opened.error());
    return *opened ? (*opened)->Sync() : Result<void>();
  }
};

}  // namespace

Files& SystemFiles() {
  static PosixFiles files;
  return files;
}

}  // namespace reprise
