#include "store/repair.h"

#include <map>
#include <optional>
#include <unordered_map>

#include "base/digest.h"
#include "store/file_lock.h"
#include "store/posix_file.h"
#include "store/sqlite.h"
#include "store/sqlite_schema.h"
#include "store/store_id.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kExamples = 10;

// Rows of one table that belong to nothing: every gateway's connection removes them by foreign
// keys, other programs' need not. SQL that counts them, and that removes them.
struct Leftover {
  const char* what;
  const char* meaning;
  const char* count;
  const char* remove;
};
// Before files are looked at, which they would keep.
constexpr Leftover kStrayImages = {
    "images_of_no_entry", "images of entries that are gone: removed",
    "SELECT count(*) FROM images WHERE entry NOT IN (SELECT id FROM entries)",
    "DELETE FROM images WHERE entry NOT IN (SELECT id FROM entries)"};
constexpr Leftover kLeftovers[] = {
    {"entries_without_images", "entries that have no image: removed",
     "SELECT count(*) FROM entries WHERE id NOT IN (SELECT entry FROM images)",
     "DELETE FROM entries WHERE id NOT IN (SELECT entry FROM images)"},
    {"vectors_of_no_entry", "vectors of entries that are gone: removed",
     "SELECT count(*) FROM vectors WHERE entry NOT IN (SELECT id FROM entries)",
     "DELETE FROM vectors WHERE entry NOT IN (SELECT id FROM entries)"},
    {"vectors_malformed", "vectors of an impossible length: removed, made again by the gateway",
     "SELECT count(*) FROM vectors WHERE length(value) = 0 OR length(value) % 2 <> 0",
     "DELETE FROM vectors WHERE length(value) = 0 OR length(value) % 2 <> 0"},
    {"tags_of_no_entry", "tags of entries that are gone: removed",
     "SELECT count(*) FROM tags WHERE entry NOT IN (SELECT id FROM entries)",
     "DELETE FROM tags WHERE entry NOT IN (SELECT id FROM entries)"},
    {"reviews_of_no_entry", "reviews of entries that are gone: removed",
     "SELECT count(*) FROM reviews WHERE entry NOT IN (SELECT id FROM entries)",
     "DELETE FROM reviews WHERE entry NOT IN (SELECT id FROM entries)"},
    {"items_of_no_batch", "items of batches that are gone: removed",
     "SELECT count(*) FROM batch_items WHERE batch NOT IN (SELECT number FROM batches)",
     "DELETE FROM batch_items WHERE batch NOT IN (SELECT number FROM batches)"},
};

class Repair {
 public:
  Repair(SqliteConnection connection, fs::path blobs, const RepairOptions& options)
      : connection_(std::move(connection)), blobs_(std::move(blobs)), options_(options) {}

  Result<RepairReport> Run() {
    auto done = CheckDatabase();
    // Before anything joins it: what is damaged now is still there to be looked at.
    if (done) {
      done = EmptyFolder("quarantine", "quarantined_files",
                         "damaged files that were moved aside earlier: removed");
    }
    if (done) done = ListFiles();
    if (done) done = connection_.Execute("BEGIN IMMEDIATE");
    if (done) done = Remove(kStrayImages);
    if (done) done = CheckImages();
    for (const Leftover& leftover : kLeftovers) {
      if (done) done = Remove(leftover);
    }
    // What was only looked at is as it was.
    if (done) done = connection_.Execute(options_.repair ? "COMMIT" : "ROLLBACK");
    if (done) done = MendFiles();
    if (done) done = CountRest();
    if (!done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  enum class Health { kWhole, kMissing, kDamaged };
  struct File {
    fs::path path;
    std::uint64_t bytes = 0;
    bool used = false;
    std::optional<Health> health;  // of those that a row names
  };

  RepairFinding& Find(const char* what, const char* meaning) {
    for (RepairFinding& finding : report_.findings) {
      if (finding.what == what) return finding;
    }
    return report_.findings.emplace_back(RepairFinding{.what = what, .meaning = meaning});
  }
  static void Note(RepairFinding& finding, const std::string& example, std::uint64_t bytes) {
    ++finding.count;
    finding.bytes += bytes;
    if (finding.examples.size() < kExamples) finding.examples.push_back(example);
  }

  Result<void> CheckDatabase();
  Result<void> ListFiles();
  Result<void> NoFiles();
  Result<void> ListBucket(const fs::directory_entry& bucket);
  Result<void> CheckImages();
  Result<Health> HealthOf(const Digest& digest, std::uint64_t bytes);
  Result<Health> Look(const Digest& digest, const File& file, std::uint64_t bytes);
  Result<void> RemoveImage(std::uint64_t entry, std::int64_t position);
  Result<void> SetLength(std::uint64_t entry, std::int64_t position, std::uint64_t bytes);
  Result<void> Remove(const Leftover& leftover);
  Result<void> MendFiles();
  Result<void> MoveAside(const Digest& digest, const File& file);
  Result<void> EmptyFolder(const char* name, const char* what, const char* meaning);
  Result<void> CountRest();

  SqliteConnection connection_;
  const fs::path blobs_;
  const RepairOptions& options_;
  std::unordered_map<Digest, File> files_;
  std::size_t looked_at_ = 0;
  RepairReport report_;
};

Result<void> Repair::CheckDatabase() {
  auto check = connection_.Prepare("PRAGMA integrity_check(1)");
  if (!check) return std::unexpected(check.error());
  const auto row = (*check)->Step();
  if (!row) return std::unexpected(row.error());
  const std::string said(*row ? (*check)->GetBytes(0) : "nothing");
  (*check)->Reset();
  if (said == "ok") return {};
  return Fail(Code::kCorrupt, "the database is damaged: " + said +
                                  "; restore it from a backup, or read what is left with "
                                  "`sqlite3 reprise.db .recover`");
}

Result<void> Repair::ListFiles() {
  std::error_code error;
  if (!fs::exists(blobs_, error)) return NoFiles();
  for (fs::directory_iterator bucket(blobs_, error), end; !error && bucket != end;
       bucket.increment(error)) {
    const std::string name = bucket->path().filename();
    if (name.size() != 2 || !bucket->is_directory()) continue;
    if (auto listed = ListBucket(*bucket); !listed) return listed;
  }
  if (error) return FileError("list", blobs_, error.value());
  return {};
}

// A folder that is not mounted must not cost every image.
Result<void> Repair::NoFiles() {
  const auto images = connection_.QueryInteger("SELECT count(*) FROM images");
  if (!images) return std::unexpected(images.error());
  if (*images == 0) return {};
  return Fail(Code::kConflict, "there is no folder " + blobs_.string() + ", but " +
                                   std::to_string(*images) +
                                   " images are said to be in it: is a disk not mounted? If they "
                                   "are lost, make the folder and try again");
}

Result<void> Repair::ListBucket(const fs::directory_entry& bucket) {
  auto& strange = Find("files_of_no_store", "files that are no image's: left where they are");
  std::error_code error;
  for (fs::directory_iterator file(bucket.path(), error), end; !error && file != end;
       file.increment(error)) {
    const std::string name = bucket.path().filename().string() + file->path().filename().string();
    const auto digest = Digest::FromHex(name);
    if (digest && file->is_regular_file()) {
      std::error_code unknown;
      files_[*digest] = {.path = file->path(), .bytes = file->file_size(unknown)};
      if (unknown) return FileError("look at", file->path(), unknown.value());
    } else {
      Note(strange, file->path().string(), 0);
    }
  }
  if (error) return FileError("list", bucket.path(), error.value());
  return {};
}

Result<void> Repair::CheckImages() {
  Find("images_without_file", "images whose file is gone: removed");
  Find("images_damaged",
       "images whose bytes are not those that were stored: removed, the file "
       "moved to quarantine");
  auto& lengths = Find("images_of_other_length",
                       "images with a length that is not their file's, whose bytes are in order: "
                       "the length corrected");
  auto rows = connection_.Prepare("SELECT entry, position, id, blob, bytes FROM images");
  if (!rows) return std::unexpected(rows.error());
  struct Row {
    std::uint64_t entry;
    std::int64_t position;
    std::uint64_t bytes;  // of the file
  };
  std::vector<Row> bad, misstated;
  while (true) {
    const auto row = (*rows)->Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto digest = Digest::FromRaw((*rows)->GetBytes(3));
    const auto bytes = (*rows)->GetUnsigned(4);
    const auto looked = digest ? HealthOf(*digest, bytes) : Result<Health>(Health::kMissing);
    if (!looked) return std::unexpected(looked.error());
    const Health health = *looked;
    const Row image{(*rows)->GetUnsigned(0), (*rows)->GetInteger(1),
                    health == Health::kWhole ? files_.at(*digest).bytes : 0};
    if (health == Health::kWhole) {
      if (image.bytes == bytes) continue;
      Note(lengths, std::string((*rows)->GetBytes(2)), image.bytes);
      misstated.push_back(image);
      continue;
    }
    Note(Find(health == Health::kMissing ? "images_without_file" : "images_damaged", ""),
         std::string((*rows)->GetBytes(2)), bytes);
    bad.push_back(image);
  }
  for (const Row& image : bad) {
    if (auto removed = RemoveImage(image.entry, image.position); !removed) return removed;
  }
  for (const Row& image : misstated) {
    if (auto set = SetLength(image.entry, image.position, image.bytes); !set) return set;
  }
  return {};
}

// Several images may have the same bytes, which are looked at once.
Result<Repair::Health> Repair::HealthOf(const Digest& digest, std::uint64_t bytes) {
  const auto found = files_.find(digest);
  if (found == files_.end()) return Health::kMissing;
  File& file = found->second;
  file.used = true;
  if (!file.health) {
    const auto looked = Look(digest, file, bytes);
    if (!looked) return looked;
    file.health = *looked;
    options_.progress(++looked_at_, files_.size());
  }
  return *file.health;
}

// `bytes` is what a row says; where it is not the file's length either of them may be wrong, and
// the checksum decides. A disk that cannot be read for the moment is an error, not damage.
Result<Repair::Health> Repair::Look(const Digest& digest, const File& file, std::uint64_t bytes) {
  if (!options_.checksums && file.bytes == bytes) return Health::kWhole;
  const auto opened = PosixFile::OpenIfThere(file.path);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return Health::kMissing;
  const auto read = (*opened)->ReadAll();
  if (!read) return std::unexpected(read.error());
  return Sha256(*read) == digest ? Health::kWhole : Health::kDamaged;
}

Result<void> Repair::RemoveImage(std::uint64_t entry, std::int64_t position) {
  auto remove = connection_.Prepare("DELETE FROM images WHERE entry = ? AND position = ?");
  if (!remove) return std::unexpected(remove.error());
  return (*remove)->Unsigned(entry).Integer(position).Run();
}

Result<void> Repair::SetLength(std::uint64_t entry, std::int64_t position, std::uint64_t bytes) {
  auto set = connection_.Prepare("UPDATE images SET bytes = ? WHERE entry = ? AND position = ?");
  if (!set) return std::unexpected(set.error());
  return (*set)->Unsigned(bytes).Unsigned(entry).Integer(position).Run();
}

Result<void> Repair::Remove(const Leftover& leftover) {
  const auto count = connection_.QueryInteger(leftover.count);
  if (!count) return std::unexpected(count.error());
  Find(leftover.what, leftover.meaning).count = static_cast<std::uint64_t>(*count);
  return connection_.Execute(leftover.remove);
}

Result<void> Repair::MendFiles() {
  auto& unused = Find("files_without_image", "files that no image names any more: removed");
  for (const auto& [digest, file] : files_) {
    if (file.used && file.health == Health::kDamaged) {
      if (auto moved = MoveAside(digest, file); !moved) return moved;
    }
    if (file.used) continue;
    Note(unused, digest.Hex(), file.bytes);
    std::error_code error;
    if (options_.repair && !fs::remove(file.path, error) && error) {
      return FileError("remove", file.path, error.value());
    }
  }
  return EmptyFolder("tmp", "unfinished_files", "files whose writing was cut off: removed");
}

Result<void> Repair::MoveAside(const Digest& digest, const File& file) {
  if (!options_.repair) return {};
  std::error_code error;
  fs::create_directories(blobs_ / "quarantine", error);
  fs::rename(file.path, blobs_ / "quarantine" / digest.Hex(), error);
  if (error) return FileError("move to quarantine", file.path, error.value());
  return {};
}

Result<void> Repair::EmptyFolder(const char* name, const char* what, const char* meaning) {
  auto& found = Find(what, meaning);
  std::error_code error;
  for (const auto& file : fs::directory_iterator(blobs_ / name, error)) {
    std::error_code ignored;
    const auto bytes = file.is_regular_file(ignored) ? file.file_size(ignored) : 0;
    Note(found, file.path().filename(), bytes);
    if (options_.repair) fs::remove_all(file.path(), error);
    if (error) return FileError("remove", file.path(), error.value());
  }
  return {};
}

Result<void> Repair::CountRest() {
  const auto entries = connection_.QueryInteger("SELECT count(*) FROM entries");
  if (!entries) return std::unexpected(entries.error());
  const auto images = connection_.QueryInteger("SELECT count(*) FROM images");
  if (!images) return std::unexpected(images.error());
  report_.entries = static_cast<std::uint64_t>(*entries);
  report_.images = static_cast<std::uint64_t>(*images);
  for (const auto& [digest, file] : files_) {
    if (file.health != Health::kWhole) continue;
    ++report_.files;
    report_.bytes += file.bytes;
  }
  return {};
}

}  // namespace

std::uint64_t RepairReport::damages() const {
  std::uint64_t sum = 0;
  for (const RepairFinding& finding : findings) sum += finding.count;
  return sum;
}

Result<RepairReport> RepairStore(const fs::path& database, const fs::path& blobs,
                                 const RepairOptions& options) {
  if (!fs::exists(database)) return RepairReport{};
  auto lock = FileLock::Acquire(database.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  std::optional<FileLock> files_lock;
  if (fs::exists(blobs)) {
    auto acquired = FileLock::Acquire(blobs / "lock");
    if (!acquired) return std::unexpected(acquired.error());
    files_lock.emplace(std::move(*acquired));
  }
  auto connection =
      SqliteConnection::Open(database, SqliteConnection::Mode::kReadWrite, kBusyTimeoutMs);
  if (!connection) return std::unexpected(connection.error());
  if (auto migrated = MigrateSchema(*connection, database); !migrated) {
    return std::unexpected(migrated.error());
  }
  auto report = Repair(std::move(*connection), blobs, options).Run();
  if (report && options.repair) {
    ForgetStoreOf(blobs);
    std::error_code ignored;  // what a start reads instead of the rows: made anew
    fs::remove_all(database.parent_path() / "snapshots", ignored);
  }
  return report;
}

}  // namespace reprise
