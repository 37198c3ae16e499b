// A portable archive of what is stored: a tar file with the images by their SHA-256 and, as lines
// of JSON, their entries with vectors, and people's corrections. No keys, no secrets, nothing of
// batches. Written from a data directory a gateway may be running on, read into one where none
// does.
//
//   archive.json          {"format": "reprise", "version": 1}; first
//   images/<sha256>       before the entries that name it, once
//   entries/<n>.jsonl     up to 256 entries with some 32 MB of images
//   corrections.jsonl     people's corrections
//   end.json              {"entries": ..., "images": ..., "corrections": ...}; last
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.h"
#include "store/tar.h"

namespace reprise {

struct ArchiveCounts {
  std::uint64_t entries = 0, images = 0, corrections = 0;
  std::uint64_t bytes = 0;     // of the images
  std::uint64_t left_out = 0;  // images: see ExportArchive and ImportArchive
};

using ArchiveProgress = std::function<void(std::size_t entries, std::size_t all)>;

// Entries as they are at the beginning; what is removed meanwhile may be left out, as is an image
// whose file is damaged. Blocks; touches nothing.
Result<ArchiveCounts> ExportArchive(const std::filesystem::path& data, const ByteSink& sink,
                                    const ArchiveProgress& progress);

struct ImportOptions {
  std::uint64_t max_bytes = 0, max_entries = 0;  // of all that is stored then; 0: no bound
  std::int64_t now_ms = 0;                       // what has expired is left out
  // What the gateway counts for an entry beside its images.
  std::uint64_t entry_bytes = 4096;
};

// Adds what is not there yet; importing an archive again changes nothing. Of an entry that is there
// the images are joined, the rest stays. kConflict while a gateway runs on `data`; kCorrupt when
// the archive is damaged, which leaves what was read before it stored.
Result<ArchiveCounts> ImportArchive(const std::filesystem::path& data, const ByteSource& source,
                                    const ImportOptions& options, const ArchiveProgress& progress);

}  // namespace reprise
