// A disk that fails on request, and forgets at a power cut what was not synced: for files (it is a
// Files) and for SQLite (while it lives, it is the default VFS). Real files and real SQLite are
// beneath, so what a test reopens is what a process would find. Every operation counts, in the
// order the disk sees them, so that a test can strike at each of them in turn. Safe for any thread.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/files.h"
#include "store/posix_file.h"

namespace reprise {

class FaultyDisk final : public Files {
 public:
  enum class Operation { kRead, kWrite, kSync, kName };  // kName: rename, remove, make a directory
  enum class Fault { kFull, kIo, kShortRead };           // kShortRead: half of a file, as its whole

  explicit FaultyDisk(unsigned seed) : random_(seed), vfs_(MakeVfs()) {
    sqlite3_vfs_register(&vfs_, 1);
  }
  // Everything on it is closed.
  ~FaultyDisk() override { sqlite3_vfs_unregister(&vfs_); }

  // Such operations fail from now on, but for the next `after` of them; `times` of them at most.
  void Fail(Operation operation, Fault fault, int after = 0, int times = 1 << 30) {
    std::lock_guard lock(mutex_);
    plan_ = {operation, fault, after, times};
  }
  // A disk without room: whatever needs some fails.
  void Fill() { Fail(Operation::kWrite, Fault::kFull); }
  void Heal() {
    std::lock_guard lock(mutex_);
    plan_.times = 0;
  }
  // How many operations have failed as planned.
  int failed() const {
    std::lock_guard lock(mutex_);
    return failed_;
  }
  void Delay(std::chrono::microseconds delay) {
    std::lock_guard lock(mutex_);
    delay_ = delay;
  }

  // The next `changes` writes, syncs and changes of names are done; nothing after them is.
  void CutPowerAfter(int changes) {
    std::lock_guard lock(mutex_);
    changes_left_ = changes;
  }
  bool has_power() const {
    std::lock_guard lock(mutex_);
    return changes_left_ != 0;
  }
  // Once everything is closed: what was not synced is lost, some of it or all of it.
  void RestorePower();

  Result<void> Write(const Path& file, std::string_view bytes, bool sync) override;
  Result<std::optional<std::string>> Read(const Path& file) override;
  Result<bool> Exists(const Path& file) override;
  Result<void> Rename(const Path& from, const Path& to) override;
  Result<void> Remove(const Path& file) override;
  Result<void> MakeDirectory(const Path& directory) override;
  Result<std::vector<std::string>> List(const Path& directory) override;
  Result<void> Sync(const Path& path) override;

 private:
  struct Plan {
    Operation operation = Operation::kRead;
    Fault fault = Fault::kIo;
    int after = 0, times = 0;
  };
  // A change of a file's bytes that is not on the disk, and how to take it back.
  struct Undo {
    std::int64_t offset;
    std::int64_t length;    // of what was written
    std::string old_bytes;  // of what was there
    std::int64_t old_size;
  };
  struct NameUndo {
    Path directory, other;  // whose sync, of either, makes the change durable
    std::function<void()> undo;
  };
  // SQLite's handle: the real one lies behind it.
  struct File {
    sqlite3_file base;
    FaultyDisk* disk;
    std::string* path;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static FaultyDisk* DiskOf(sqlite3_vfs* vfs) { return static_cast<FaultyDisk*>(vfs->pAppData); }

  std::optional<Fault> Strike(Operation operation);
  static std::unexpected<Error> Failed(std::string_view action, const Path& path, Fault fault) {
    return FileError(action, path, fault == Fault::kFull ? ENOSPC : EIO);
  }
  static std::string Bytes(const Path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void TakeBack(const Path& file, const Undo& undo, std::int64_t kept);
  void LoseBytes();
  void LoseNames();
  int Any(std::size_t bound) { return static_cast<int>(random_() % bound); }

  sqlite3_vfs MakeVfs();
  static const sqlite3_io_methods* Methods();
  static int VfsOpen(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out);
  static int VfsDelete(sqlite3_vfs* vfs, const char* name, int sync);
  static int VfsRead(sqlite3_file* file, void* to, int length, sqlite3_int64 offset);
  static int VfsWrite(sqlite3_file* file, const void* from, int length, sqlite3_int64 offset);
  static int VfsTruncate(sqlite3_file* file, sqlite3_int64 size);
  static int VfsSync(sqlite3_file* file, int flags);
  static std::string Old(sqlite3_file* real, std::int64_t offset, std::int64_t length);
  void NoteChange(const std::string& path, sqlite3_file* real, std::int64_t offset,
                  std::int64_t length, bool truncate);

  mutable std::mutex mutex_;
  std::mt19937 random_;
  Plan plan_;
  int failed_ = 0;
  int changes_left_ = -1;  // before the power goes; -1: it does not
  std::chrono::microseconds delay_{0};
  std::map<std::string, std::vector<Undo>> unsynced_;  // by path
  std::vector<NameUndo> unsynced_names_;
  sqlite3_vfs* real_ = nullptr;
  sqlite3_vfs vfs_;
};

// Nothing: the operation is to be done.
inline std::optional<FaultyDisk::Fault> FaultyDisk::Strike(Operation operation) {
  std::chrono::microseconds delay;
  std::optional<Fault> fault;
  {
    std::lock_guard lock(mutex_);
    delay = delay_;
    if (operation != Operation::kRead) {
      if (changes_left_ == 0) fault = Fault::kIo;
      if (changes_left_ > 0) --changes_left_;
    }
    if (!fault && plan_.times > 0 && plan_.operation == operation && plan_.after-- <= 0) {
      --plan_.times;
      ++failed_;
      fault = plan_.fault;
    }
  }
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  return fault;
}

inline Result<void> FaultyDisk::Write(const Path& file, std::string_view bytes, bool sync) {
  const bool there = std::filesystem::exists(file);
  Undo undo{.offset = 0,
            .length = static_cast<std::int64_t>(bytes.size()),
            .old_bytes = there ? Bytes(file) : "",
            .old_size = 0};
  undo.old_size = static_cast<std::int64_t>(undo.old_bytes.size());
  const auto fault = Strike(Operation::kWrite);
  if (fault && !has_power()) return Failed("write", file, *fault);
  {
    std::lock_guard lock(mutex_);
    unsynced_[file.string()].push_back(std::move(undo));
    if (!there) {
      unsynced_names_.push_back(
          {file.parent_path(), {}, [file] { std::filesystem::remove(file); }});
    }
  }
  // A disk that fills up has taken a part.
  auto written =
      SystemFiles().Write(file, bytes.substr(0, fault ? bytes.size() / 2 : bytes.size()), false);
  if (fault) return Failed("write", file, *fault);
  return written && sync ? Sync(file) : written;
}

inline Result<std::optional<std::string>> FaultyDisk::Read(const Path& file) {
  const auto fault = Strike(Operation::kRead);
  if (fault && *fault != Fault::kShortRead) return Failed("read", file, *fault);
  auto bytes = SystemFiles().Read(file);
  if (fault && bytes && *bytes) (*bytes)->resize((*bytes)->size() / 2);
  return bytes;
}

inline Result<bool> FaultyDisk::Exists(const Path& file) {
  if (const auto fault = Strike(Operation::kRead)) return Failed("look for", file, *fault);
  return SystemFiles().Exists(file);
}

inline Result<void> FaultyDisk::Rename(const Path& from, const Path& to) {
  if (const auto fault = Strike(Operation::kName)) return Failed("rename a file to", to, *fault);
  auto renamed = SystemFiles().Rename(from, to);
  if (!renamed) return renamed;
  std::lock_guard lock(mutex_);
  if (auto moved = unsynced_.extract(from.string())) {
    moved.key() = to.string();
    unsynced_.erase(to.string());
    unsynced_.insert(std::move(moved));
  }
  unsynced_names_.push_back({to.parent_path(), from.parent_path(), [from, to] {
                               std::error_code gone;
                               std::filesystem::rename(to, from, gone);
                             }});
  return renamed;
}

inline Result<void> FaultyDisk::Remove(const Path& file) {
  const std::optional<std::string> bytes =
      std::filesystem::exists(file) ? std::optional(Bytes(file)) : std::nullopt;
  if (const auto fault = Strike(Operation::kName)) return Failed("remove", file, *fault);
  auto removed = SystemFiles().Remove(file);
  if (!removed || !bytes) return removed;
  std::lock_guard lock(mutex_);
  unsynced_.erase(file.string());
  unsynced_names_.push_back(
      {file.parent_path(), {}, [file, bytes] { std::ofstream(file, std::ios::binary) << *bytes; }});
  return removed;
}

inline Result<void> FaultyDisk::MakeDirectory(const Path& directory) {
  const bool there = std::filesystem::exists(directory);
  if (const auto fault = Strike(Operation::kName)) {
    return Failed("make the directory", directory, *fault);
  }
  auto made = SystemFiles().MakeDirectory(directory);
  if (!made || there) return made;
  std::lock_guard lock(mutex_);
  unsynced_names_.push_back({directory.parent_path(), {}, [directory] {
                               std::error_code gone;
                               std::filesystem::remove_all(directory, gone);
                             }});
  return made;
}

inline Result<std::vector<std::string>> FaultyDisk::List(const Path& directory) {
  if (const auto fault = Strike(Operation::kRead)) return Failed("list", directory, *fault);
  return SystemFiles().List(directory);
}

inline Result<void> FaultyDisk::Sync(const Path& path) {
  if (const auto fault = Strike(Operation::kSync)) return Failed("sync", path, *fault);
  std::lock_guard lock(mutex_);
  unsynced_.erase(path.string());
  std::erase_if(unsynced_names_, [&](const NameUndo& name) {
    return name.directory == path || name.other == path;  // a rename is one step of the journal
  });
  return {};
}

// The first `kept` bytes that were written stay.
inline void FaultyDisk::TakeBack(const Path& file, const Undo& undo, std::int64_t kept) {
  std::error_code gone;
  if (!std::filesystem::exists(file)) return;
  std::filesystem::resize_file(
      file, static_cast<std::uintmax_t>(std::max(undo.old_size, undo.offset + kept)), gone);
  if (static_cast<std::int64_t>(undo.old_bytes.size()) <= kept) return;
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(undo.offset + kept);
  out << std::string_view(undo.old_bytes).substr(static_cast<std::size_t>(kept));
}

// Of each file's writes the first few have reached the disk, and a part of the next one.
inline void FaultyDisk::LoseBytes() {
  for (const auto& [path, undos] : unsynced_) {
    const auto reached = static_cast<std::size_t>(Any(undos.size() + 1));
    for (std::size_t i = undos.size(); i-- > reached;) {
      const bool torn = i == reached && Any(2) == 0 && undos[i].length > 0;
      TakeBack(path, undos[i], torn ? Any(static_cast<std::size_t>(undos[i].length)) : 0);
    }
  }
  unsynced_.clear();
}

// Changes of names reach the disk in their order.
inline void FaultyDisk::LoseNames() {
  const auto reached = static_cast<std::size_t>(Any(unsynced_names_.size() + 1));
  while (unsynced_names_.size() > reached) {
    unsynced_names_.back().undo();
    unsynced_names_.pop_back();
  }
  unsynced_names_.clear();
}

inline void FaultyDisk::RestorePower() {
  std::lock_guard lock(mutex_);
  LoseBytes();
  LoseNames();
  changes_left_ = -1;
}

// ---- SQLite ----

inline sqlite3_vfs FaultyDisk::MakeVfs() {
  real_ = sqlite3_vfs_find(nullptr);
  sqlite3_vfs vfs = *real_;
  vfs.zName = "faulty";
  vfs.pNext = nullptr;
  vfs.pAppData = this;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs.xOpen = VfsOpen;
  vfs.xDelete = VfsDelete;
  return vfs;
}

inline const sqlite3_io_methods* FaultyDisk::Methods() {
  static const sqlite3_io_methods methods = {
      .iVersion = 2,  // without memory-mapped reads, which no fault would reach
      .xClose =
          [](sqlite3_file* file) {
            const int code = Of(file)->real()->pMethods->xClose(Of(file)->real());
            delete Of(file)->path;
            return code;
          },
      .xRead = VfsRead,
      .xWrite = VfsWrite,
      .xTruncate = VfsTruncate,
      .xSync = VfsSync,
      .xFileSize =
          [](sqlite3_file* file, sqlite3_int64* size) {
            return Of(file)->real()->pMethods->xFileSize(Of(file)->real(), size);
          },
      .xLock = [](sqlite3_file* f,
                  int lock) { return Of(f)->real()->pMethods->xLock(Of(f)->real(), lock); },
      .xUnlock = [](sqlite3_file* f,
                    int lock) { return Of(f)->real()->pMethods->xUnlock(Of(f)->real(), lock); },
      .xCheckReservedLock =
          [](sqlite3_file* f, int* out) {
            return Of(f)->real()->pMethods->xCheckReservedLock(Of(f)->real(), out);
          },
      .xFileControl =
          [](sqlite3_file* f, int op, void* arg) {
            return Of(f)->real()->pMethods->xFileControl(Of(f)->real(), op, arg);
          },
      .xSectorSize =
          [](sqlite3_file* f) { return Of(f)->real()->pMethods->xSectorSize(Of(f)->real()); },
      .xDeviceCharacteristics =
          [](sqlite3_file* f) {
            return Of(f)->real()->pMethods->xDeviceCharacteristics(Of(f)->real());
          },
      .xShmMap =
          [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
            return Of(f)->real()->pMethods->xShmMap(Of(f)->real(), page, size, extend, out);
          },
      .xShmLock =
          [](sqlite3_file* f, int offset, int n, int flags) {
            return Of(f)->real()->pMethods->xShmLock(Of(f)->real(), offset, n, flags);
          },
      .xShmBarrier = [](sqlite3_file* f) { Of(f)->real()->pMethods->xShmBarrier(Of(f)->real()); },
      .xShmUnmap =
          [](sqlite3_file* f, int remove) {
            return Of(f)->real()->pMethods->xShmUnmap(Of(f)->real(), remove);
          },
      .xFetch = nullptr,
      .xUnfetch = nullptr};
  return &methods;
}

inline int FaultyDisk::VfsOpen(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                               int* out) {
  FaultyDisk* disk = DiskOf(vfs);
  File* own = Of(file);
  const int code = disk->real_->xOpen(disk->real_, name, own->real(), flags, out);
  file->pMethods = code == SQLITE_OK ? Methods() : nullptr;
  own->disk = disk;
  if (code == SQLITE_OK) own->path = new std::string(name ? name : "");
  return code;
}

// What SQLite removes is gone at once.
inline int FaultyDisk::VfsDelete(sqlite3_vfs* vfs, const char* name, int sync) {
  FaultyDisk* disk = DiskOf(vfs);
  if (disk->Strike(Operation::kName)) return SQLITE_IOERR_DELETE;
  const int code = disk->real_->xDelete(disk->real_, name, sync);
  std::lock_guard lock(disk->mutex_);
  if (code == SQLITE_OK) disk->unsynced_.erase(name);
  return code;
}

inline int FaultyDisk::VfsRead(sqlite3_file* file, void* to, int length, sqlite3_int64 offset) {
  if (Of(file)->disk->Strike(Operation::kRead)) return SQLITE_IOERR_READ;
  return Of(file)->real()->pMethods->xRead(Of(file)->real(), to, length, offset);
}

inline std::string FaultyDisk::Old(sqlite3_file* real, std::int64_t offset, std::int64_t length) {
  std::string old(static_cast<std::size_t>(std::max<std::int64_t>(0, length)), '\0');
  if (!old.empty()) real->pMethods->xRead(real, old.data(), static_cast<int>(length), offset);
  return old;
}

inline void FaultyDisk::NoteChange(const std::string& path, sqlite3_file* real, std::int64_t offset,
                                   std::int64_t length, bool truncate) {
  sqlite3_int64 size = 0;
  real->pMethods->xFileSize(real, &size);
  const std::int64_t end = truncate ? size : std::min<std::int64_t>(offset + length, size);
  Undo undo{.offset = offset,
            .length = truncate ? 0 : length,
            .old_bytes = Old(real, offset, end - offset),
            .old_size = size};
  std::lock_guard lock(mutex_);
  unsynced_[path].push_back(std::move(undo));
}

inline int FaultyDisk::VfsWrite(sqlite3_file* file, const void* from, int length,
                                sqlite3_int64 offset) {
  File* own = Of(file);
  if (const auto fault = own->disk->Strike(Operation::kWrite)) {
    return *fault == Fault::kFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  own->disk->NoteChange(*own->path, own->real(), offset, length, false);
  return own->real()->pMethods->xWrite(own->real(), from, length, offset);
}

inline int FaultyDisk::VfsTruncate(sqlite3_file* file, sqlite3_int64 size) {
  File* own = Of(file);
  if (own->disk->Strike(Operation::kName)) return SQLITE_IOERR_TRUNCATE;
  own->disk->NoteChange(*own->path, own->real(), size, 0, true);
  return own->real()->pMethods->xTruncate(own->real(), size);
}

inline int FaultyDisk::VfsSync(sqlite3_file* file, int) {
  File* own = Of(file);
  if (own->disk->Strike(Operation::kSync)) return SQLITE_IOERR_FSYNC;
  std::lock_guard lock(own->disk->mutex_);
  own->disk->unsynced_.erase(*own->path);
  return SQLITE_OK;
}

}  // namespace reprise
