// Layout of the directory:
//   ab/cdef...      a blob, named by its SHA-256: two digits, then the other 62
//   tmp/            files being written; emptied at the next open
//   quarantine/     blobs whose bytes were not what their name says, see Quarantine
//   lock            see FileLock
// A blob reaches its name by a rename after its bytes are synced, so a file of that name is whole
// unless the disk damaged it.
#include <array>
#include <atomic>
#include <mutex>
#include <system_error>
#include <unordered_map>

#include "base/log.h"
#include "store/background_sync.h"
#include "store/blob_store.h"
#include "store/file_lock.h"
#include "store/files.h"
#include "store/posix_file.h"
#include "store/quarantine.h"

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
      : directory_(std::move(directory)),
        options_(options),
        files_(*options.files),
        lock_(std::move(lock)),
        quarantine_(directory_ / "quarantine", files_),
        sync_(files_, options_.sync_errors) {
    quarantine_.Trim();
  }

  Result<Digest> Put(std::string_view bytes);
  Result<std::optional<SharedBytes>> Get(const Digest& digest);
  Result<bool> Has(const Digest& digest) const;
  Result<void> Remove(const Digest& digest);
  Result<std::vector<Digest>> List(std::uint8_t first_byte) const;
  Result<void> Probe();

 private:
  std::mutex& MutexOf(const Digest& digest) { return mutexes_[digest.bytes[31] % kMutexes]; }
  fs::path PathOf(const Digest& digest) const;
  fs::path TemporaryPath() { return directory_ / "tmp" / std::to_string(++temporaries_); }
  Result<bool> KeepExisting(const Digest& digest, std::string_view bytes);
  Result<void> WriteNew(const Digest& digest, std::string_view bytes);
  Result<void> RenameIntoBucket(const fs::path& from, const fs::path& to);
  Result<void> MakeDurable(const fs::path& path);
  bool MustVerify(const Digest& digest, std::size_t length);
  Result<std::optional<SharedBytes>> GetDamaged(const Digest& digest);
  Result<void> SetAside(const Digest& digest);

  static constexpr std::size_t kMutexes = 64;
  const fs::path directory_;
  const FileBlobStoreOptions options_;
  Files& files_;
  const FileLock lock_;
  std::array<std::mutex, kMutexes> mutexes_;
  std::atomic<std::uint64_t> temporaries_ = 0;
  std::atomic<std::uint64_t> reads_ = 0;
  VerifiedLengths verified_;
  Quarantine quarantine_;
  BackgroundSync sync_;
};

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
  auto existing = files_.Read(path);
  if (!existing) return std::unexpected(existing.error());
  if (!*existing) return false;
  if (**existing != bytes) {
    auto moved = SetAside(digest);
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
  auto synced = files_.Sync(path);
  if (synced) synced = files_.Sync(path.parent_path());
  if (synced) synced = files_.Sync(directory_);
  return synced;
}

Result<void> BlobDirectory::WriteNew(const Digest& digest, std::string_view bytes) {
  const fs::path path = PathOf(digest);
  const fs::path temporary = TemporaryPath();
  // Synced before it gets its name, or a power cut could leave the name without the bytes.
  auto done = files_.Write(temporary, bytes, options_.sync == SyncMode::kBefore);
  if (done) done = RenameIntoBucket(temporary, path);
  if (done) done = MakeDurable(path);
  if (!done) (void)files_.Remove(temporary);
  return done;
}

// The bucket may not be there yet.
Result<void> BlobDirectory::RenameIntoBucket(const fs::path& from, const fs::path& to) {
  auto renamed = files_.Rename(from, to);
  if (renamed || renamed.error().code != Code::kNotFound) return renamed;
  if (auto made = files_.MakeDirectory(to.parent_path()); !made) return made;
  return files_.Rename(from, to);
}

bool BlobDirectory::MustVerify(const Digest& digest, std::size_t length) {
  if (length <= options_.always_verify_bytes || !verified_.Matches(digest, length)) return true;
  return options_.verify_one_in > 0 && ++reads_ % options_.verify_one_in == 0;
}

Result<std::optional<SharedBytes>> BlobDirectory::Get(const Digest& digest) {
  auto bytes = files_.Read(PathOf(digest));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  if (MustVerify(digest, (*bytes)->size())) {
    if (Sha256(**bytes) != digest) return GetDamaged(digest);
    verified_.Set(digest, (*bytes)->size());
  }
  return ShareBytes(std::move(**bytes));
}

Result<bool> BlobDirectory::Has(const Digest& digest) const {
  return files_.Exists(PathOf(digest));
}

// Reads again with changes excluded: a Put may have repaired the blob since it was read.
Result<std::optional<SharedBytes>> BlobDirectory::GetDamaged(const Digest& digest) {
  std::lock_guard lock(MutexOf(digest));
  auto bytes = files_.Read(PathOf(digest));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return std::nullopt;
  if (Sha256(**bytes) == digest) return ShareBytes(std::move(**bytes));
  if (auto moved = SetAside(digest); !moved) return std::unexpected(moved.error());
  return Fail(Code::kCorrupt, "blob " + digest.Hex() + " has " + std::to_string((*bytes)->size()) +
                                  " bytes that do not match its checksum; moved to " +
                                  quarantine_.directory().string() + ", check the disk");
}

// The blob's mutex is held.
Result<void> BlobDirectory::SetAside(const Digest& digest) {
  verified_.Forget(digest);
  auto moved = quarantine_.Take(PathOf(digest), digest.Hex());
  if (moved) {
    log::warn("blob {} is damaged; moved to {}", digest.Hex(), quarantine_.directory().string());
  }
  return moved;
}

// Not synced: after a power cut the blob may be there again, and nothing refers to it.
Result<void> BlobDirectory::Remove(const Digest& digest) {
  std::lock_guard lock(MutexOf(digest));
  verified_.Forget(digest);
  return files_.Remove(PathOf(digest));
}

// Other files, which are not the store's, are left out.
Result<std::vector<Digest>> BlobDirectory::List(std::uint8_t first_byte) const {
  Digest first;
  first.bytes[0] = first_byte;
  const std::string bucket = first.Hex().substr(0, 2);
  const auto names = files_.List(directory_ / bucket);
  if (!names) return std::unexpected(names.error());
  std::vector<Digest> digests;
  for (const std::string& name : *names) {
    if (const auto digest = Digest::FromHex(bucket + name)) digests.push_back(*digest);
  }
  return digests;
}

Result<void> BlobDirectory::Probe() {
  const fs::path temporary = TemporaryPath();
  auto written = files_.Write(temporary, "probe", false);
  const auto removed = files_.Remove(temporary);
  return written ? removed : written;
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
  Task<Result<std::vector<Digest>>> List(std::uint8_t first_byte) override {
    return pool_.Run([this, first_byte] { return directory_->List(first_byte); });
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
