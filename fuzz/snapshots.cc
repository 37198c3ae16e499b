// Snapshot files: the container, the records in it, and the saved indexes.
#include <sys/mman.h>
#include <unistd.h>

#include "index/vector_index.h"
#include "store/snapshot_file.h"
#include "store/snapshot_record.h"
#include "targets.h"

namespace reprise::fuzz {
namespace {

constexpr std::size_t kDimensions = 8;  // of the indexes in the corpus

void Container(std::string_view bytes) {
  static const int file = ::memfd_create("snapshot", MFD_CLOEXEC);
  static const std::filesystem::path path = "/proc/self/fd/" + std::to_string(file);
  Promise(::ftruncate(file, 0) == 0, "there is room for a file");
  Promise(::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "a file takes what is written");
  const auto snapshot = SnapshotFile::Open(path);
  if (!snapshot) return;
  std::uint64_t entries = 0;
  for (std::size_t part = 0; part < snapshot->parts(); ++part) {
    (void)snapshot->ReadPart(part, [&](Entry&, bool) { ++entries; });
  }
  Promise(entries <= snapshot->entries(), "parts have the entries that the table says");
  for (std::size_t blob = 0; blob < snapshot->blobs(); ++blob) {
    (void)snapshot->ReadBlob(blob, [&](std::size_t size, const SnapshotFile::BlobSource& source) {
      Promise(size <= bytes.size(), "a blob is part of its file");
      std::string taken(size, 0);
      return source(std::as_writable_bytes(std::span(taken)));
    });
  }
}

// Without the checksums, which keep a fuzzer out.
void Records(std::string_view bytes) {
  RecordReader reader(bytes);
  Entry entry;
  bool embedded = false;
  for (std::string_view rest = bytes; GetRecord(reader, entry, embedded); rest = reader.rest()) {
    std::string again;
    PutRecord(again, entry, embedded);
    Promise(rest.starts_with(again), "records are read as written");
  }
}

void Indexes(std::string_view bytes) {
  const auto index = LoadVectorIndex({.dimensions = kDimensions}, std::as_bytes(std::span(bytes)));
  if (!index) return;
  const std::vector<float> query(kDimensions, 0.35f);
  Promise((*index)->Search(ToHalf(query), 5).size() <= 5, "a search gives what was asked for");
  (void)(*index)->Add(1, ToHalf(query));
  (*index)->Settle(8);
  (*index)->Remove(2);
}

}  // namespace

void Snapshots(std::string_view bytes) {
  Container(bytes);
  Records(bytes);
  Indexes(bytes);
}

}  // namespace reprise::fuzz
