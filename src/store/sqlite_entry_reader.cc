#include "store/sqlite_entry_reader.h"

#include <cstring>
#include <limits>

namespace reprise {
namespace {

// The statements of three cursors that go through the same entries side by side.
struct Queries {
  const char* entries;
  const char* images;
  const char* tags;
};

#define REPRISE_ENTRY_QUERIES(which)                                                              \
  {                                                                                               \
    "SELECT id, scope, fingerprint, compatibility, prompt, model, bucket, width, height, params," \
    " category, created_ms, expires_ms, cost_usd, generation_ms, hits, last_used_ms,"             \
    " embedder, value FROM entries LEFT JOIN vectors ON vectors.entry = entries.id"               \
    " WHERE entries.id " which " ORDER BY entries.id",                                            \
        "SELECT entry, id, blob, media_type, width, height, bytes, revised_prompt, created_ms,"   \
        " expires_ms FROM images WHERE entry " which " ORDER BY entry, position",                 \
        "SELECT entry, tag FROM tags WHERE entry " which " ORDER BY entry, position"              \
  }

constexpr Queries kBetween = REPRISE_ENTRY_QUERIES("BETWEEN ? AND ?");
constexpr Queries kOf = REPRISE_ENTRY_QUERIES("IN (SELECT value FROM json_each(?))");
#undef REPRISE_ENTRY_QUERIES

Result<Digest> ReadDigest(const SqliteStatement& row, int column, std::uint64_t entry) {
  if (auto digest = Digest::FromRaw(row.GetBytes(column))) return *digest;
  return Fail(Code::kCorrupt, "entry " + std::to_string(entry) + " has a digest of " +
                                  std::to_string(row.GetBytes(column).size()) +
                                  " bytes; restore the database, or run `reprise doctor --repair`");
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
  // `statement` is bound.
  static Result<PartCursor> Open(SqliteStatement& statement) {
    PartCursor cursor(statement);
    if (auto moved = cursor.Move(); !moved) return std::unexpected(moved.error());
    return cursor;
  }

  // Calls `use` with each row of `entry`, until one fails.
  template <class Use>
  Result<void> TakeRowsOf(std::uint64_t entry, Use use) {
    // Rows of no entry, as another program leaves them: they belong to nobody.
    while (has_row_ && row_->GetInteger(0) < static_cast<std::int64_t>(entry)) {
      if (auto moved = Move(); !moved) return moved;
    }
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

// `bind` binds the parameters of each statement.
template <class Bind>
Result<Cursors> OpenCursors(SqliteConnection& connection, const Queries& queries, Bind bind) {
  const auto prepare = [&](const char* sql) -> Result<SqliteStatement*> {
    auto statement = connection.Prepare(sql);
    if (statement) bind(**statement);
    return statement;
  };
  auto entries = prepare(queries.entries);
  if (!entries) return std::unexpected(entries.error());
  auto image_rows = prepare(queries.images);
  if (!image_rows) return std::unexpected(image_rows.error());
  auto tag_rows = prepare(queries.tags);
  if (!tag_rows) return std::unexpected(tag_rows.error());
  auto images = PartCursor::Open(**image_rows);
  if (!images) return std::unexpected(images.error());
  auto tags = PartCursor::Open(**tag_rows);
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

template <class Bind>
Result<void> Visit(SqliteConnection& connection, const Queries& queries, Bind bind,
                   std::uint64_t most, const EntryVisit& visit) {
  // One transaction: the three cursors see the same moment.
  if (auto begun = connection.Execute("BEGIN"); !begun) return begun;
  auto cursors = OpenCursors(connection, queries, bind);
  if (!cursors) return std::unexpected(cursors.error());
  for (; most > 0; --most) {
    auto row = cursors->entries->Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    StoredVector vector = ReadVector(*cursors->entries);
    auto entry = ReadWhole(*cursors);
    if (!entry) return std::unexpected(entry.error());
    visit(std::move(*entry), std::move(vector));
  }
  return {};
}

}  // namespace

Result<void> ReadEntriesIn(SqliteConnection& connection, EntryHistory::Range range,
                           const EntryVisit& visit) {
  const auto bind = [&](SqliteStatement& to) { to.Unsigned(range.first).Unsigned(range.last); };
  return Visit(connection, kBetween, bind, range.most, visit);
}

Result<void> ReadEntriesOf(SqliteConnection& connection, const std::string& ids,
                           const EntryVisit& visit) {
  const auto bind = [&](SqliteStatement& to) { to.Text(ids); };
  return Visit(connection, kOf, bind, std::numeric_limits<std::uint64_t>::max(), visit);
}

}  // namespace reprise
