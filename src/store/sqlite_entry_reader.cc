#include "store/sqlite_entry_reader.h"

#include <cstring>

namespace reprise {
namespace {

constexpr char kEntries[] =
    "SELECT id, scope, fingerprint, compatibility, prompt, model, bucket, width, height, params,"
    " category, created_ms, expires_ms, cost_usd, generation_ms, hits, last_used_ms,"
    " embedder, value FROM entries LEFT JOIN vectors ON vectors.entry = entries.id"
    " ORDER BY entries.id";
constexpr char kImages[] =
    "SELECT entry, id, blob, media_type, width, height, bytes, revised_prompt, created_ms,"
    " expires_ms FROM images ORDER BY entry, position";
constexpr char kTags[] = "SELECT entry, tag FROM tags ORDER BY entry, position";

Result<Digest> ReadDigest(const SqliteStatement& row, int column, std::uint64_t entry) {
  if (auto digest = Digest::FromRaw(row.GetBytes(column))) return *digest;
  return Fail(Code::kCorrupt, "entry " + std::to_string(entry) + " has a digest of " +
                                  std::to_string(row.GetBytes(column).size()) +
                                  " bytes; restore the database, or remove that entry");
}

Result<Entry> ReadEntry(const SqliteStatement& row) {
  Entry entry;
  entry.id = row.GetUnsigned(0);
  auto fingerprint = ReadDigest(row, 2, entry.id);
  if (!fingerprint) return std::unexpected(fingerprint.error());
  auto compatibility = ReadDigest(row, 3, entry.id);
  if (!compatibility) return std::unexpected(compatibility.error());
  entry.scope = row.GetBytes(1);
  entry.fingerprint = *fingerprint;
  entry.compatibility = *compatibility;
  entry.prompt = row.GetBytes(4);
  entry.model = row.GetBytes(5);
  entry.bucket = row.GetBytes(6);
  entry.width = static_cast<int>(row.GetInteger(7));
  entry.height = static_cast<int>(row.GetInteger(8));
  entry.params = row.GetBytes(9);
  entry.category = row.GetBytes(10);
  entry.created_ms = row.GetInteger(11);
  entry.expires_ms = row.GetInteger(12);
  entry.cost_usd = row.GetReal(13);
  entry.generation_ms = row.GetInteger(14);
  entry.hits = row.GetUnsigned(15);
  entry.last_used_ms = row.GetInteger(16);
  return entry;
}

StoredVector ReadVector(const SqliteStatement& row) {
  StoredVector vector;
  if (row.IsNull(17)) return vector;
  vector.embedder = row.GetBytes(17);
  const std::string_view bytes = row.GetBytes(18);
  vector.values.resize(bytes.size() / sizeof(vector.values[0]));
  std::memcpy(vector.values.data(), bytes.data(), vector.values.size() * sizeof(vector.values[0]));
  return vector;
}

Result<StoredImage> ReadImage(const SqliteStatement& row) {
  auto blob = ReadDigest(row, 2, row.GetUnsigned(0));
  if (!blob) return std::unexpected(blob.error());
  StoredImage image;
  image.id = row.GetBytes(1);
  image.blob = *blob;
  image.media_type = row.GetBytes(3);
  image.width = static_cast<int>(row.GetInteger(4));
  image.height = static_cast<int>(row.GetInteger(5));
  image.bytes = row.GetUnsigned(6);
  image.revised_prompt = row.GetBytes(7);
  image.created_ms = row.GetInteger(8);
  image.expires_ms = row.GetInteger(9);
  return image;
}

// Rows of a table whose first column is the entry, read alongside the entries.
class PartCursor {
 public:
  static Result<PartCursor> Open(SqliteConnection& connection, const char* sql) {
    auto statement = connection.Prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    PartCursor cursor(**statement);
    if (auto moved = cursor.Move(); !moved) return std::unexpected(moved.error());
    return cursor;
  }

  // Calls `use` with each row of `entry`, until one fails.
  template <class Use>
  Result<void> TakeRowsOf(std::uint64_t entry, Use use) {
    while (has_row_ && row_->GetUnsigned(0) == entry) {
      if (Result<void> used = use(*row_); !used) return used;
      if (auto moved = Move(); !moved) return moved;
    }
    return {};
  }

 private:
  explicit PartCursor(SqliteStatement& row) : row_(&row) {}

  Result<void> Move() {
    auto row = row_->Step();
    if (!row) return std::unexpected(row.error());
    has_row_ = *row;
    return {};
  }

  SqliteStatement* row_;
  bool has_row_ = false;
};

struct Cursors {
  SqliteStatement* entries;
  PartCursor images, tags;
};

Result<Cursors> OpenCursors(SqliteConnection& connection) {
  auto entries = connection.Prepare(kEntries);
  if (!entries) return std::unexpected(entries.error());
  auto images = PartCursor::Open(connection, kImages);
  if (!images) return std::unexpected(images.error());
  auto tags = PartCursor::Open(connection, kTags);
  if (!tags) return std::unexpected(tags.error());
  return Cursors{*entries, *images, *tags};
}

Result<Entry> ReadWhole(Cursors& cursors) {
  auto entry = ReadEntry(*cursors.entries);
  if (!entry) return entry;
  auto done = cursors.images.TakeRowsOf(entry->id, [&](const SqliteStatement& row) -> Result<void> {
    auto image = ReadImage(row);
    if (!image) return std::unexpected(image.error());
    entry->images.push_back(std::move(*image));
    return {};
  });
  if (!done) return std::unexpected(done.error());
  done = cursors.tags.TakeRowsOf(entry->id, [&](const SqliteStatement& row) -> Result<void> {
    entry->tags.emplace_back(row.GetBytes(1));
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return entry;
}

}  // namespace

Result<void> ReadEntries(SqliteConnection& connection,
                         const std::function<void(Entry&&, StoredVector&&)>& visit) {
  // One transaction: the three cursors see the same moment.
  if (auto begun = connection.Execute("BEGIN"); !begun) return begun;
  auto cursors = OpenCursors(connection);
  if (!cursors) return std::unexpected(cursors.error());
  for (;;) {
    auto row = cursors->entries->Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    StoredVector vector = ReadVector(*cursors->entries);
    auto entry = ReadWhole(*cursors);
    if (!entry) return std::unexpected(entry.error());
    visit(std::move(*entry), std::move(vector));
  }
}

}  // namespace reprise
