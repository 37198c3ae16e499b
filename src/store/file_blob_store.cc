// Layout of the directory:
//   ab/cdef...      a blob, named by its SHA-256: two digits, then the other 62
//   tmp/            files being written; emptied at the next open
//   quarantine/     blobs whose bytes were not what their name says
//   lock            see FileLock
// A blob reaches its name by a rename after its bytes are synced, so a file of that name is whole
// unless the disk damaged it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <unordered_map>

#include "base/log.h"
#include "store/background_sync.h"
#include "store/blob_store.h"
#include "store/file_lock.h"
#include "store/posix_file.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;

// Which blobs this process has verified, and their lengths: a file that changed its length since is
// verified again. Safe for any thread.
class VerifiedLengths {
 public:
  bool Matches(const Digest& digest, std::size_t length) const {
    std::lock_guard lock(mutex_);
    const auto found = lengths_.find(digest);
    return found != lengths_.end() && found->second == length;
  }
  void Set(const Digest& digest, std::size_t length) {
    std::lock_guard lock(mutex_);
    if (lengths_.size() >= kLimit) lengths_.clear();  // costs a verification each, no more
    lengths_.insert_or_assign(digest, length);
  }
  void Forget(const Digest& digest) {
    std::lock_guard lock(mutex_);
    lengths_.erase(digest);
  }

 private:
  static constexpr std::size_t kLimit = 1'000'000;
  mutable std::mutex mutex_;
  std::unordered_map<Digest, std::size_t> lengths_;
};

// The synchronous work; runs on the pool's threads. Changes to one blob exclude each other, reads
// take no lock unless they find damage.
class BlobDirectory {
 public:
  BlobDirectory(fs::path directory, FileBlobStoreOptions options, FileLock lock)
      : directory_(std::move(directory)), options_(options), lock_(std::move(lock)) {}

  Result<Digest> Put(std::string_view bytes);
  Result<std::optional<SharedBytes>> Get(const Digest& digest);
  Result<bool> Has(const Digest& digest) const;
  Result<void> Remove(const Digest& digest);
  Result<void> Probe();

 private:
  std::mutex& MutexOf(const Digest& digest) { return mutexes_[digest.bytes[31] % kMutexes]; }
  fs::path PathOf(const Digest& digest) const;
  fs::path TemporaryPath() { return directory_ / "tmp" / std::to_string(++temporaries_); }
  Result<bool> KeepExisting(const Digest& digest, std::string_view bytes);
  Result<void> WriteNew(const Digest& digest, std::string_view bytes);
  Result<void> WriteTemporary(const fs::path& temporary, std::string_view bytes);
  Result<void> MakeDurable(const fs::path& path);
  bool MustVerify(const Digest& digest, std::size_t length);
  Result<std::optional<SharedBytes>> GetDamaged(const Digest& digest);
  Result<void> Quarantine(const Digest& digest);

  static constexpr std::size_t kMutexes = 64;
  const fs::path directory_;
  const FileBlobStoreOptions options_;
  const FileLock lock_;
  std::array<std::mutex, kMutexes> mutexes_;
  std::atomic<std::uint64_t> temporaries_ = 0;
  std::atomic<std::uint64_t> reads_ = 0;
  VerifiedLengths verified_;
  BackgroundSync sync_;
};

// Nothing when there is no such file.
Result<std::optional<std::string>> ReadIfThere(const fs::path& path) {
  auto file = PosixFile::OpenIfThere(path);
  if (!file) return std::unexpected(file.error());
  if (!*file) return std::nullopt;
  return (*file)->ReadAll();
}

// A directory below one that is there, not synced.
Result<void> MakeBucket(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    return FileError("make the directory", directory, errno);
  }
  return {};
}

Result<void> RenameFile(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return FileError("rename a file to", to, errno);
  return {};
}

// The same into a directory that may not be there yet.
Result<void> RenameIntoBucket(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  if (errno != ENOENT) return FileError("rename a file to", to, errno);
  if (auto made = MakeBucket(to.parent_path()); !made) return made;
  return RenameFile(from, to);
}

fs::path BlobDirectory::PathOf(const Digest& digest) const {
  const std::string hex = digest.Hex();
  return directory_ / hex.substr(0, 2) / hex.substr(2);
}

Result<Digest> BlobDirectory::Put(std::string_view bytes) {
  const Digest digest = Sha256(bytes);
  std::lock_guard lock(MutexOf(digest));
  auto kept = KeepExisting(digest, bytes);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept) {
    if (auto written = WriteNew(digest, bytes); !written) return std::unexpected(written.error());
  }
  return digest;
}

// Whether the blob is there already, whole and durable. An earlier Put may have been stopped
// between its rename and the sync of the directory, hence the syncs here.
Result<bool> BlobDirectory::KeepExisting(const Digest& digest, std::string_view bytes) {
  const fs::path path = PathOf(digest);
  auto existing = ReadIfThere(path);
  if (!existing) return std::unexpected(existing.error());
  if (!*existing) return false;
  if (**existing != bytes) {
    auto moved = Quarantine(digest);
    if (!moved) return std::unexpected(moved.error());
    return false;
  }
  if (auto durable = MakeDurable(path); !durable) return std::unexpected(durable.error());
  return true;
}

// The blob, its name and its directory's name.
Result<void> BlobDirectory::MakeDurable(const fs::path& path) {
  if (options_.sync == SyncMode::kBehind) {
    sync_.Add(path);
    sync_.AddDirectory(path.parent_path());
    sync_.AddDirectory(directory_);
    return {};
  }
  auto file = PosixFile::Open(path, O_RDONLY);
  if (!file) return std::unexpected(file.error());
  auto synced = file->Sync();
  if (synced) synced = SyncDirectory(path.parent_path());
  if (synced) synced = SyncDirectory(directory_);
  return synced;
}

Result<void> BlobDirectory::WriteNew(const Digest& digest, std::string_view bytes) {
  const fs::path path = PathOf(digest);
  const fs::path temporary = TemporaryPath();
  auto done = WriteTemporary(temporary, bytes);
  if (done) done = RenameIntoBucket(temporary, path);
  if (done) done = MakeDurable(path);
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<void> BlobDirectory::WriteTemporary(const fs::path& temporary, std::string_view bytes) {
  auto file = PosixFile::Open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(file.error());
  auto written = file->Write(bytes);
  // Before it gets its name, or a power cut could leave the name without the bytes.
  return written && options_.sync == SyncMode::kBefore ? file->Sync() : written;
}

bool BlobDirectory::MustVerify(const Digest& digest, std::size_t length) {
  if (length <= options_.always_verify_bytes || !verified_.Matches(digest, length)) return true;
  return options_.verify_one_in > 0 && ++reads_ % options_.verify_one_in == 0;
}

Result<std::optional<SharedBytes>> BlobDirectory::Get(const Digest& digest) {
  auto bytes = ReadIfThere(PathOf(digest));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  if (MustVerify(digest, (*bytes)->size())) {
    if (Sha256(**bytes) != digest) return GetDamaged(digest);
    verified_.Set(digest, (*bytes)->size());
  }
  return ShareBytes(std::move(**bytes));
}

Result<bool> BlobDirectory::Has(const Digest& digest) const {
  const fs::path path = PathOf(digest);
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT) return false;
  return FileError("look for", path, errno);
}

// Reads again with changes excluded: a Put may have repaired the blob since it was read.
Result<std::optional<SharedBytes>> BlobDirectory::GetDamaged(const Digest& digest) {
  std::lock_guard lock(MutexOf(digest));
  auto bytes = ReadIfThere(PathOf(digest));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  if (Sha256(**bytes) == digest) return ShareBytes(std::move(**bytes));
  if (auto moved = Quarantine(digest); !moved) return std::unexpected(moved.error());
  return Fail(Code::kCorrupt, "blob " + digest.Hex() + " has " + std::to_string((*bytes)->size()) +
                                  " bytes that do not match its checksum; moved to " +
                                  (directory_ / "quarantine").string() + ", check the disk");
}

// The blob's mutex is held.
Result<void> BlobDirectory::Quarantine(const Digest& digest) {
  verified_.Forget(digest);
  const fs::path target = directory_ / "quarantine" / digest.Hex();
  auto moved = RenameFile(PathOf(digest), target);
  if (moved) log::warn("blob {} is damaged; moved to {}", digest.Hex(), target.string());
  return moved;
}

// Not synced: after a crash the blob may be there again, which is an orphan and does no harm.
Result<void> BlobDirectory::Remove(const Digest& digest) {
  std::lock_guard lock(MutexOf(digest));
  verified_.Forget(digest);
  const fs::path path = PathOf(digest);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FileError("remove", path, errno);
  return {};
}

Result<void> BlobDirectory::Probe() {
  const fs::path temporary = TemporaryPath();
  auto file = PosixFile::Open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(file.error());
  auto written = file->Write("probe");
  ::unlink(temporary.c_str());
  return written;
}

class FileBlobStore final : public BlobStore {
 public:
  FileBlobStore(std::unique_ptr<BlobDirectory> directory, WorkerPool& pool)
      : directory_(std::move(directory)), pool_(pool) {}

  Task<Result<Digest>> Put(SharedBytes bytes) override {
    return pool_.Run([this, bytes = std::move(bytes)] { return directory_->Put(*bytes); });
  }
  Task<Result<std::optional<SharedBytes>>> Get(const Digest& digest) override {
    return pool_.Run([this, digest] { return directory_->Get(digest); });
  }
  Task<Result<bool>> Has(const Digest& digest) override {
    return pool_.Run([this, digest] { return directory_->Has(digest); });
  }
  Task<Result<void>> Remove(const Digest& digest) override {
    return pool_.Run([this, digest] { return directory_->Remove(digest); });
  }
  Task<Result<void>> Probe() override {
    return pool_.Run([this] { return directory_->Probe(); });
  }

 private:
  const std::unique_ptr<BlobDirectory> directory_;
  WorkerPool& pool_;
};

Result<void> EmptyDirectory(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; !error && file != end;
       file.increment(error)) {
    fs::remove_all(file->path(), error);
  }
  if (error) return FileError("empty", directory, error.value());
  return {};
}

}  // namespace

Result<std::unique_ptr<BlobStore>> OpenFileBlobStore(fs::path directory, WorkerPool& pool,
                                                     FileBlobStoreOptions options) {
  auto ready = MakeDirectory(directory / "tmp");
  if (ready) ready = MakeDirectory(directory / "quarantine");
  if (!ready) return std::unexpected(ready.error());
  auto lock = FileLock::Acquire(directory / "lock");
  if (!lock) return std::unexpected(lock.error());
  if (ready = EmptyDirectory(directory / "tmp"); !ready) return std::unexpected(ready.error());
  auto blobs = std::make_unique<BlobDirectory>(std::move(directory), options, std::move(*lock));
  return std::make_unique<FileBlobStore>(std::move(blobs), pool);
}

}  // namespace reprise
