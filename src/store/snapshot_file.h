// A snapshot: entries in parts, and blobs under keys (the indexes of their vectors), in one file
// that is read many times as fast as a database. It is written once and never changes; every byte
// of it is under a checksum. What is in it is only ever a copy: whoever finds it wanting reads the
// store.
//
//   magic, version | parts and blobs, one after another | title, their places | length, checksum
//
// The table is at the end, so a file whose writing was cut off has none. Numbers are little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/entry_store.h"
#include "store/posix_file.h"

namespace reprise {

struct SnapshotTitle {
  std::string name;              // see EntryHistory::State
  std::string embedder;          // whose vectors the blobs are about
  std::uint32_t dimensions = 0;  // of those
};

// One thread at a time.
class SnapshotWriter {
 public:
  static Result<SnapshotWriter> Create(const std::filesystem::path& file, SnapshotTitle title);

  // Keeps the entry for the next part; `embedded`: the store has its vector of that embedder.
  void Add(const Entry& entry, bool embedded);
  // Writes what was added since the last part, as one part. A part is what a reader holds in
  // memory at once: some megabytes.
  Result<void> EndPart();
  // Writes what `write` gives its argument, piece by piece. A key is given once, and not empty.
  using Sink = std::function<Result<void>(std::string_view)>;
  Result<void> AddBlob(std::string key, const std::function<Result<void>(const Sink&)>& write);
  // Writes the table; the file is on the disk when it returns.
  Result<void> Finish();

  std::uint64_t entries() const { return entries_; }
  std::uint64_t bytes() const { return offset_; }

 private:
  struct Place {
    std::string key;  // of a blob; empty for a part
    std::uint64_t offset = 0, bytes = 0, entries = 0, checksum = 0;
  };
  friend class SnapshotFile;
  SnapshotWriter(PosixFile file, SnapshotTitle title)
      : file_(std::move(file)), title_(std::move(title)) {}
  Result<void> Write(std::string_view bytes);

  PosixFile file_;
  SnapshotTitle title_;
  std::string pending_;  // the next part
  std::uint64_t pending_entries_ = 0, entries_ = 0, offset_ = 0;
  std::vector<Place> places_;
};

// An open snapshot. Parts and blobs may be read by several threads at once.
class SnapshotFile {
 public:
  // kCorrupt when the file cannot be one of this version, kNotFound when there is none.
  static Result<SnapshotFile> Open(const std::filesystem::path& file);

  const SnapshotTitle& title() const { return title_; }
  std::size_t parts() const { return parts_.size(); }
  std::uint64_t entries() const { return entries_; }

  // Calls `visit(Entry&, bool embedded)` with each entry of a part, in the order they were added;
  // it may move the entry away. kCorrupt before the first call when the checksum does not fit.
  template <class Visit>
  Result<void> ReadPart(std::size_t part, Visit visit) const {
    const auto bytes = Read(parts_[part]);
    if (!bytes) return std::unexpected(bytes.error());
    Entry entry;
    bool embedded = false;
    std::string_view rest = *bytes;
    for (std::uint64_t i = 0; i < parts_[part].entries; ++i) {
      if (!Decode(rest, entry, embedded)) return Damaged("an entry does not decode");
      visit(entry, embedded);
    }
    if (!rest.empty()) return Damaged("a part is longer than its entries");
    return {};
  }

  std::size_t blobs() const { return blobs_.size(); }
  const std::string& BlobKey(std::size_t blob) const { return blobs_[blob].key; }
  // Gives `take` the blob's size and a source, which fills what it is given with the bytes that
  // follow: all have to be taken. Only afterwards it is known whether the checksum fits; kCorrupt
  // when it does not.
  using BlobSource = std::function<Result<void>(std::span<std::byte>)>;
  using BlobTaker = std::function<Result<void>(std::size_t size, const BlobSource& source)>;
  Result<void> ReadBlob(std::size_t blob, const BlobTaker& take) const;

 private:
  SnapshotFile(std::filesystem::path path, PosixFile file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> ReadTable();
  Result<void> ParseTable(std::string_view table, std::uint64_t table_offset);
  Result<std::string> Read(const SnapshotWriter::Place& place) const;
  // Takes one entry off the front of `bytes`. What it had before is overwritten.
  static bool Decode(std::string_view& bytes, Entry& entry, bool& embedded);
  std::unexpected<Error> Damaged(std::string_view what) const;

  std::filesystem::path path_;
  PosixFile file_;
  SnapshotTitle title_;
  std::vector<SnapshotWriter::Place> parts_, blobs_;
  std::uint64_t entries_ = 0;
};

}  // namespace reprise
