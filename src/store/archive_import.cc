#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/io_threads.h"
#include "base/json.h"
#include "store/archive.h"
#include "store/archive_json.h"
#include "store/blob_store.h"

namespace reprise {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxMember = std::size_t{1} << 30;
// Of images whose entries are still to come: many times what an export puts between two lists.
constexpr std::uint64_t kMaxWaiting = std::uint64_t{2} << 30;

class Importer {
 public:
  Importer(SqliteStores stores, BlobStore& blobs, IoThreads& io, const ImportOptions& options,
           const ArchiveProgress& progress)
      : stores_(std::move(stores)),
        blobs_(blobs),
        io_(io),
        options_(options),
        progress_(progress) {}

  // What is stored already.
  Result<void> Look() {
    auto read = stores_.entries->ForEach([&](Entry&& entry, StoredVector&&) {
      for (const StoredImage& image : entry.images) Count(image);
      const Digest fingerprint = entry.fingerprint;
      known_.insert_or_assign(fingerprint, std::move(entry));
    });
    if (!read) return read;
    return stores_.trust->ForEachCorrection(
        [&](Correction&& correction) { corrected_.insert(correction.pair); });
  }

  // True: that was the end.
  Result<bool> Take(const TarMember& member) {
    const std::string_view name = member.name;
    if (!begun_) return Begin(member);
    Result<void> done;
    if (name.starts_with("images/")) {
      done = TakeImage(name.substr(7), member.bytes);
    } else if (name.starts_with("entries/")) {
      done = EachLine(member.bytes, [this](std::string_view line) { return TakeEntry(line); });
      waiting_.clear();
      waiting_bytes_ = 0;
    } else if (name == "corrections.jsonl") {
      done = EachLine(member.bytes, [this](std::string_view line) { return TakeCorrection(line); });
    } else if (name == "end.json") {
      return true;
    }  // what a later version adds is not needed
    if (!done) return std::unexpected(done.error());
    return false;
  }

  const ArchiveCounts& counts() const { return counts_; }

 private:
  Result<bool> Begin(const TarMember& member) {
    const json head = ParseJson(member.bytes);
    const bool ours = member.name == "archive.json" && head.is_object() &&
                      head.value("format", json()) == json("reprise");
    if (!ours) return Fail(Code::kInvalidArgument, "this is no archive of `reprise export`");
    const json version = head.value("version", json());
    if (version != json(1)) {
      return Fail(Code::kInvalidArgument, "the archive has version " + version.dump() +
                                              ", and this program reads 1: use a newer one");
    }
    begun_ = true;
    return false;
  }

  template <class Use>
  static Result<void> EachLine(std::string_view text, Use use) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      if (auto used = use(text.substr(0, end)); !used) return used;
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return {};
  }

  // Kept in memory until the entries that may name it are read: what none takes is not stored.
  Result<void> TakeImage(std::string_view name, const std::string& bytes) {
    const auto digest = Digest::FromHex(name);
    if (!digest || Sha256(bytes) != *digest) {
      return DamagedArchive("the image " + std::string(name) +
                            " has other bytes than its name says");
    }
    arrived_.emplace(*digest, bytes.size());
    if ((waiting_bytes_ += bytes.size()) > kMaxWaiting) {
      return DamagedArchive("its images come without the entries that name them");
    }
    waiting_[*digest] = ShareBytes(bytes);
    return {};
  }

  Result<void> StoreBytes(const std::vector<StoredImage>& images) {
    for (const StoredImage& image : images) {
      const auto bytes = waiting_.find(image.blob);
      if (bytes == waiting_.end()) continue;  // stored before
      auto put = RunTask(io_.context(), blobs_.Put(bytes->second));
      if (!put) return std::unexpected(put.error());
    }
    return {};
  }

  Result<void> TakeEntry(std::string_view line) {
    auto read = ReadEntryLine(line);
    if (!read) return std::unexpected(read.error());
    progress_(++seen_, 0);
    Entry entry = std::move(read->entry);
    const std::uint64_t old_id = entry.id;
    std::vector<StoredImage> fresh;
    for (StoredImage& image : entry.images) {
      const auto arrived = arrived_.find(image.blob);
      if (arrived == arrived_.end()) return DamagedArchive("an entry's image is not in it");
      if (arrived->second != image.bytes) {
        return DamagedArchive("an image has another length than its entry says");
      }
      if (Wanted(image)) fresh.push_back(std::move(image));
    }
    const auto known = known_.find(entry.fingerprint);
    if (known != known_.end()) ids_[old_id] = known->second.id;
    if (fresh.empty()) return {};
    const bool joins = known != known_.end();
    if (!HasRoom(fresh, joins)) {
      counts_.left_out += fresh.size();
      return {};
    }
    if (auto stored = StoreBytes(fresh); !stored) return stored;
    Entry merged = joins ? Join(known->second, fresh) : std::move(entry);
    if (!joins) merged.images = fresh;
    auto id = RunTask(io_.context(), stores_.entries->Put(
                                         merged, joins ? StoredVector{} : std::move(read->vector)));
    if (!id) return std::unexpected(id.error());
    merged.id = ids_[old_id] = *id;
    for (const StoredImage& image : fresh) {
      Count(image);
      ++counts_.images;
    }
    if (!joins) ++counts_.entries;
    const Digest fingerprint = merged.fingerprint;
    known_.insert_or_assign(fingerprint, std::move(merged));
    return {};
  }

  // Not there yet, and not expired. Its bytes may have come with an entry that found no room.
  bool Wanted(const StoredImage& image) {
    if (image_ids_.contains(image.id)) return false;
    const bool valid = image.expires_ms == 0 || image.expires_ms > options_.now_ms;
    const bool there = waiting_.contains(image.blob) || blob_bytes_.contains(image.blob);
    if (!valid || !there) ++counts_.left_out;
    return valid && there;
  }

  bool HasRoom(const std::vector<StoredImage>& images, bool joins) const {
    std::uint64_t more = 0;
    for (const StoredImage& image : images)
      more += blob_bytes_.contains(image.blob) ? 0 : image.bytes;
    // As the gateway counts, which begins to remove at 99 %.
    const std::uint64_t entries = known_.size() + (joins ? 0 : 1);
    const auto full = [](std::uint64_t total, std::uint64_t limit) {
      return limit > 0 && total > limit - limit / 100;
    };
    return !full(bytes_ + more + entries * options_.entry_bytes, options_.max_bytes) &&
           (joins || !full(entries, options_.max_entries));
  }

  static Entry Join(Entry entry, const std::vector<StoredImage>& images) {
    for (const StoredImage& image : images) {
      entry.images.insert(
          std::ranges::upper_bound(entry.images, image.created_ms, {}, &StoredImage::created_ms),
          image);
    }
    std::int64_t expires = 1;
    for (const StoredImage& image : entry.images) {
      expires = image.expires_ms == 0 || expires == 0 ? 0 : std::max(expires, image.expires_ms);
    }
    entry.expires_ms = expires;
    return entry;
  }

  void Count(const StoredImage& image) {
    image_ids_.insert(image.id);
    if (blob_bytes_.insert(image.blob).second) bytes_ += image.bytes;
  }

  Result<void> TakeCorrection(std::string_view line) {
    auto correction = ReadCorrectionLine(line);
    if (!correction) return std::unexpected(correction.error());
    if (!corrected_.insert(correction->pair).second) return {};
    const auto id = ids_.find(correction->entry);
    correction->entry = id == ids_.end() ? 0 : id->second;
    auto put = RunTask(io_.context(), stores_.trust->PutCorrection(std::move(*correction)));
    if (!put) return std::unexpected(put.error());
    ++counts_.corrections;
    return {};
  }

  SqliteStores stores_;
  BlobStore& blobs_;
  IoThreads& io_;
  const ImportOptions& options_;
  const ArchiveProgress& progress_;
  bool begun_ = false;
  std::unordered_map<Digest, Entry> known_;  // by fingerprint
  std::unordered_set<std::string> image_ids_;
  std::unordered_set<Digest> blob_bytes_;              // of what is stored
  std::unordered_map<Digest, std::uint64_t> arrived_;  // with their lengths
  std::uint64_t waiting_bytes_ = 0;
  std::unordered_map<Digest, SharedBytes> waiting_;       // of the present chunk
  std::unordered_map<std::uint64_t, std::uint64_t> ids_;  // the archive's, and ours
  std::set<Digest> corrected_;
  std::uint64_t bytes_ = 0;
  std::size_t seen_ = 0;
  ArchiveCounts counts_;
};

}  // namespace

Result<ArchiveCounts> ImportArchive(const fs::path& data, const ByteSource& source,
                                    const ImportOptions& options, const ArchiveProgress& progress) {
  IoThreads io(1);
  WorkerPool pool(1, 16);
  auto stores = OpenSqliteStores(data / "reprise.db");
  if (!stores) return std::unexpected(stores.error());
  auto blobs = OpenFileBlobStore(data / "blobs", pool);
  if (!blobs) return std::unexpected(blobs.error());
  // What a start reads instead of the rows: made anew from those there will be.
  std::error_code ignored;
  fs::remove_all(data / "snapshots", ignored);
  Importer importer(std::move(*stores), **blobs, io, options, progress);
  if (auto looked = importer.Look(); !looked) return std::unexpected(looked.error());
  TarReader reader(source, kMaxMember);
  while (true) {
    const auto member = reader.Next();
    if (!member) return std::unexpected(member.error());
    if (!*member) return DamagedArchive("it ends early; what came before is imported");
    const auto ended = importer.Take(**member);
    if (!ended) return std::unexpected(ended.error());
    if (*ended) return importer.counts();
  }
}

}  // namespace reprise
