#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/log.h"
#include "store/archive.h"
#include "store/archive_json.h"
#include "store/posix_file.h"
#include "store/sqlite.h"
#include "store/sqlite_entry_reader.h"
#include "store/sqlite_schema.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kChunk = 256;             // entries at most,
constexpr std::size_t kChunkBytes = 32u << 20;  // with about as many bytes of images
constexpr char kCorrections[] =
    "SELECT pair, tenant, entry, entry_prompt, prompt, same, note, created_ms FROM corrections"
    " ORDER BY id";

class Exporter {
 public:
  Exporter(const fs::path& blobs, const ByteSink& sink, const ArchiveProgress& progress,
           std::size_t all)
      : blobs_(blobs), tar_(sink), progress_(progress), all_(all) {}

  Result<void> Begin() { return tar_.Add("archive.json", R"({"format":"reprise","version":1})"); }

  Result<void> Add(Entry entry, const StoredVector& vector) {
    progress_(++seen_, all_);
    std::vector<StoredImage> kept;
    for (StoredImage& image : entry.images) {
      auto added = AddImage(image.blob);
      if (!added) return std::unexpected(added.error());
      if (*added) kept.push_back(std::move(image));
    }
    if (kept.empty()) {
      if (entry.images.empty()) ++counts_.left_out;
      return {};
    }
    counts_.images += kept.size();
    entry.images = std::move(kept);
    chunk_ += WriteEntryLine(entry, vector) + "\n";
    ++counts_.entries;
    const bool full =
        ++chunk_entries_ == kChunk || chunk_bytes_ >= kChunkBytes || chunk_.size() >= kChunkBytes;
    return full ? FlushChunk() : Result<void>();
  }

  Result<void> AddCorrections(SqliteConnection& connection) {
    auto rows = connection.Prepare(kCorrections);
    if (!rows) return std::unexpected(rows.error());
    std::string lines;
    while (true) {
      const auto row = (*rows)->Step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const auto pair = Digest::FromRaw((*rows)->GetBytes(0));
      if (!pair) continue;
      lines += WriteCorrectionLine({.pair = *pair,
                                    .tenant = std::string((*rows)->GetBytes(1)),
                                    .entry = (*rows)->GetUnsigned(2),
                                    .entry_prompt = std::string((*rows)->GetBytes(3)),
                                    .prompt = std::string((*rows)->GetBytes(4)),
                                    .same = (*rows)->GetInteger(5) != 0,
                                    .note = std::string((*rows)->GetBytes(6)),
                                    .created_ms = (*rows)->GetInteger(7)}) +
               "\n";
      ++counts_.corrections;
    }
    return tar_.Add("corrections.jsonl", lines);
  }

  Result<void> FlushChunk() {
    if (chunk_.empty()) return {};
    auto added = tar_.Add("entries/" + std::to_string(++chunks_) + ".jsonl", chunk_);
    chunk_.clear();
    chunk_entries_ = chunk_bytes_ = 0;
    return added;
  }

  Result<ArchiveCounts> Finish() {
    const json end = {{"entries", counts_.entries},
                      {"images", counts_.images},
                      {"corrections", counts_.corrections}};
    auto done = tar_.Add("end.json", end.dump());
    if (done) done = tar_.Finish();
    if (!done) return std::unexpected(done.error());
    return counts_;
  }

 private:
  // False: the file is gone or damaged, or the disk does not give it back. Images with the same
  // bytes are in the archive once.
  Result<bool> AddImage(const Digest& digest) {
    if (written_.contains(digest)) return true;
    const std::string hex = digest.Hex();
    const auto bytes = Read(blobs_ / hex.substr(0, 2) / hex.substr(2));
    if (!bytes || Sha256(*bytes) != digest) {
      log::warn("image {} is left out: {}", hex,
                bytes ? "its file is damaged" : bytes.error().message);
      ++counts_.left_out;
      return false;
    }
    if (auto added = tar_.Add("images/" + hex, *bytes); !added) {
      return std::unexpected(added.error());
    }
    written_.insert(digest);
    counts_.bytes += bytes->size();
    chunk_bytes_ += bytes->size();
    return true;
  }

  static Result<std::string> Read(const fs::path& path) {
    const auto file = PosixFile::OpenIfThere(path);
    if (!file) return std::unexpected(file.error());
    if (!*file) return Fail(Code::kNotFound, "there is no " + path.string());
    return (*file)->ReadAll();
  }

  const fs::path& blobs_;
  TarWriter tar_;
  const ArchiveProgress& progress_;
  const std::size_t all_;
  std::unordered_set<Digest> written_;
  std::string chunk_;
  std::size_t chunks_ = 0, chunk_entries_ = 0, chunk_bytes_ = 0, seen_ = 0;
  ArchiveCounts counts_;
};

}  // namespace

Result<ArchiveCounts> ExportArchive(const fs::path& data, const ByteSink& sink,
                                    const ArchiveProgress& progress) {
  const fs::path file = data / "reprise.db", blobs = data / "blobs";
  if (!fs::exists(file)) {
    return Fail(Code::kNotFound, "there is no " + file.string() +
                                     "; name the data directory with "
                                     "--data or --config");
  }
  auto connection = SqliteConnection::Open(file, SqliteConnection::Mode::kReadOnly, kBusyTimeoutMs);
  if (!connection) return std::unexpected(connection.error());
  if (auto checked = CheckSchema(*connection, file); !checked) {
    return std::unexpected(checked.error());
  }
  const auto all = connection->QueryInteger("SELECT count(*) FROM entries");
  if (!all) return std::unexpected(all.error());
  Exporter exporter(blobs, sink, progress, static_cast<std::size_t>(*all));
  auto done = exporter.Begin();
  // Begins a transaction, which ends with the connection: corrections are of the same moment.
  const auto read = ReadEntriesIn(*connection, {}, [&](Entry&& entry, StoredVector&& vector) {
    if (done) done = exporter.Add(std::move(entry), vector);
  });
  if (done && !read) done = read;
  if (done) done = exporter.FlushChunk();
  if (done) done = exporter.AddCorrections(*connection);
  if (!done) return std::unexpected(done.error());
  return exporter.Finish();
}

}  // namespace reprise
