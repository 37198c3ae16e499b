#include "store/snapshot_file.h"

#include <fcntl.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/snapshot_record.h"

namespace reprise {
namespace {

constexpr std::string_view kSnapshotMagic = "RPRSSNAP";
// Of the file's layout and of the records in it: any change of either is another version.
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kReadPiece = 256 << 10;
constexpr std::size_t kHeadBytes = kSnapshotMagic.size() + sizeof kVersion;
// The table's length and its checksum.
constexpr std::size_t kFootBytes = 2 * sizeof(std::uint64_t);

std::uint64_t Checksum(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

Result<SnapshotWriter> SnapshotWriter::Create(const std::filesystem::path& file,
                                              SnapshotTitle title) {
  auto opened = PosixFile::Open(file, O_WRONLY | O_CREAT | O_TRUNC);
  if (!opened) return std::unexpected(opened.error());
  SnapshotWriter writer(std::move(*opened), std::move(title));
  std::string head(kSnapshotMagic);
  RecordWriter(head).Put(kVersion);
  if (auto written = writer.Write(head); !written) return std::unexpected(written.error());
  return writer;
}

Result<void> SnapshotWriter::Write(std::string_view bytes) {
  offset_ += bytes.size();
  return file_.Write(bytes);
}

void SnapshotWriter::Add(const Entry& entry, bool embedded) {
  PutRecord(pending_, entry, embedded);
  ++pending_entries_;
}

Result<void> SnapshotWriter::EndPart() {
  if (pending_entries_ == 0) return {};
  places_.push_back({.key = "",
                     .offset = offset_,
                     .bytes = pending_.size(),
                     .entries = pending_entries_,
                     .checksum = Checksum(pending_)});
  entries_ += pending_entries_;
  auto written = Write(pending_);
  pending_.clear();
  pending_entries_ = 0;
  return written;
}

Result<void> SnapshotWriter::AddBlob(std::string key,
                                     const std::function<Result<void>(const Sink&)>& write) {
  if (auto ended = EndPart(); !ended) return ended;
  Place place{.key = std::move(key), .offset = offset_};
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  const auto sink = [&](std::string_view bytes) {
    XXH3_64bits_update(&state, bytes.data(), bytes.size());
    return Write(bytes);
  };
  if (auto written = write(sink); !written) return written;
  place.bytes = offset_ - place.offset;
  place.checksum = XXH3_64bits_digest(&state);
  places_.push_back(std::move(place));
  return {};
}

Result<void> SnapshotWriter::Finish() {
  if (auto written = EndPart(); !written) return written;
  std::string table;
  RecordWriter writer(table);
  writer.Put(title_.name);
  writer.Put(title_.embedder);
  writer.Put(title_.dimensions);
  for (const Place& place : places_) {
    writer.Put(place.key);
    for (const std::uint64_t value : {place.offset, place.bytes, place.entries, place.checksum}) {
      writer.Put(value);
    }
  }
  const std::uint64_t bytes = table.size(), checksum = Checksum(table);
  writer.Put(bytes);
  writer.Put(checksum);
  if (auto written = Write(table); !written) return written;
  return file_.Sync();
}

Result<SnapshotFile> SnapshotFile::Open(const std::filesystem::path& file) {
  auto opened = PosixFile::OpenIfThere(file);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return Fail(Code::kNotFound, "there is no " + file.string());
  SnapshotFile snapshot(file, std::move(**opened));
  if (auto read = snapshot.ReadTable(); !read) return std::unexpected(read.error());
  return snapshot;
}

std::unexpected<Error> SnapshotFile::Damaged(std::string_view what) const {
  return Fail(Code::kCorrupt, path_.string() + " is damaged: " + std::string(what));
}

Result<void> SnapshotFile::ReadTable() {
  const auto size = file_.Size();
  if (!size) return std::unexpected(size.error());
  const auto head = file_.ReadAt(0, std::min<std::uint64_t>(*size, kHeadBytes));
  if (!head) return std::unexpected(head.error());
  if (!head->starts_with(kSnapshotMagic)) return Damaged("it does not begin as a snapshot");
  std::uint32_t version = 0;
  RecordReader(std::string_view(*head).substr(kSnapshotMagic.size())).Get(version);
  if (version != kVersion) {
    return Fail(Code::kCorrupt, path_.string() + " is a snapshot of version " +
                                    std::to_string(version) + ", this Reprise reads version " +
                                    std::to_string(kVersion));
  }
  if (*size < kHeadBytes + kFootBytes) return Damaged("it ends before its table");
  const auto foot = file_.ReadAt(*size - kFootBytes, kFootBytes);
  if (!foot) return std::unexpected(foot.error());
  std::uint64_t bytes = 0, checksum = 0;
  RecordReader reader(*foot);
  reader.Get(bytes);
  reader.Get(checksum);
  if (bytes > *size - kHeadBytes - kFootBytes) return Damaged("it ends before its table");
  const std::uint64_t offset = *size - kFootBytes - bytes;
  const auto table = file_.ReadAt(offset, bytes);
  if (!table) return std::unexpected(table.error());
  if (Checksum(*table) != checksum) return Damaged("its table does not have its checksum");
  return ParseTable(*table, offset);
}

// All of it lies one after another, and the table follows the last.
Result<void> SnapshotFile::ParseTable(std::string_view table, std::uint64_t table_offset) {
  RecordReader reader(table);
  reader.Get(title_.name);
  reader.Get(title_.embedder);
  reader.Get(title_.dimensions);
  std::uint64_t next = kHeadBytes;
  while (reader.ok() && !reader.rest().empty()) {
    SnapshotWriter::Place place;
    reader.Get(place.key);
    for (auto* value : {&place.offset, &place.bytes, &place.entries, &place.checksum}) {
      reader.Get(*value);
    }
    if (place.offset != next || place.bytes > table_offset - next) break;
    next += place.bytes;
    entries_ += place.entries;
    (place.key.empty() ? parts_ : blobs_).push_back(std::move(place));
  }
  if (reader.ok() && reader.rest().empty() && next == table_offset) return {};
  return Damaged("its table does not fit its parts");
}

Result<std::string> SnapshotFile::Read(const SnapshotWriter::Place& place) const {
  auto bytes = file_.ReadAt(place.offset, place.bytes);
  if (!bytes) return bytes;
  if (Checksum(*bytes) != place.checksum) return Damaged("a part does not have its checksum");
  return bytes;
}

Result<void> SnapshotFile::ReadBlob(std::size_t blob, const BlobTaker& take) const {
  const SnapshotWriter::Place& place = blobs_[blob];
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::uint64_t next = 0;
  const auto source = [&](std::span<std::byte> out) -> Result<void> {
    if (out.size() > place.bytes - next) return Damaged("a blob is shorter than what it holds");
    // In pieces that the processor's cache still has when their checksum is made.
    for (std::size_t piece = 0; !out.empty(); out = out.subspan(piece)) {
      piece = std::min(out.size(), kReadPiece);
      const auto read = file_.ReadAt(place.offset + next, out.first(piece));
      if (!read) return read;
      XXH3_64bits_update(&state, out.data(), piece);
      next += piece;
    }
    return {};
  };
  if (auto taken = take(place.bytes, source); !taken) return taken;
  if (next == place.bytes && XXH3_64bits_digest(&state) == place.checksum) return {};
  return Damaged("a blob does not have its checksum");
}

bool SnapshotFile::Decode(std::string_view& bytes, Entry& entry, bool& embedded) {
  RecordReader reader(bytes);
  const bool decoded = GetRecord(reader, entry, embedded);
  bytes = reader.rest();
  return decoded;
}

}  // namespace reprise
