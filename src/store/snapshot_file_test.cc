#include "store/snapshot_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "store/entry_store_testing.h"

namespace reprise {
namespace {

using testing::HasSubstr;

class SnapshotFileTest : public testing::Test {
 protected:
  // Two parts, of two entries and of one, and two blobs.
  void Write() {
    auto writer = SnapshotWriter::Create(file_, {"a name", "an embedder", 512});
    ASSERT_TRUE(writer) << writer.error().message;
    for (int i = 1; i <= 3; ++i) {
      Entry entry = SampleEntry(i);
      entry.id = static_cast<std::uint64_t>(i);
      writer->Add(entry, i == 2);
      if (i == 2) ASSERT_TRUE(writer->EndPart());
    }
    ASSERT_TRUE(writer->AddBlob("x", [](const SnapshotWriter::Sink& sink) -> Result<void> {
      if (auto done = sink("some "); !done) return done;
      return sink("bytes");
    }));
    ASSERT_TRUE(writer->AddBlob("y", [](const SnapshotWriter::Sink&) { return Result<void>(); }));
    ASSERT_TRUE(writer->Finish());
    EXPECT_EQ(writer->entries(), 3u);
    EXPECT_EQ(writer->bytes(), std::filesystem::file_size(file_));
  }
  std::string Bytes() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void SetBytes(const std::string& bytes) const {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Reads all of it, as far as it goes.
  Result<std::vector<Entry>> ReadAll() const {
    auto snapshot = SnapshotFile::Open(file_);
    if (!snapshot) return std::unexpected(snapshot.error());
    std::vector<Entry> entries;
    for (std::size_t part = 0; part < snapshot->parts(); ++part) {
      const auto read = snapshot->ReadPart(part, [&](Entry& entry, bool embedded) {
        EXPECT_EQ(embedded, entry.id == 2);
        entries.push_back(std::move(entry));
      });
      if (!read) return std::unexpected(read.error());
    }
    for (std::size_t blob = 0; blob < snapshot->blobs(); ++blob) {
      std::string bytes;
      const auto take = [&](std::size_t size, const SnapshotFile::BlobSource& source) {
        bytes.resize(size);
        return source(std::as_writable_bytes(std::span(bytes)));
      };
      const auto read = snapshot->ReadBlob(blob, take);
      if (!read) return std::unexpected(read.error());
      EXPECT_EQ(bytes, snapshot->BlobKey(blob) == "x" ? "some bytes" : "");
    }
    return entries;
  }

  TemporaryDirectory place_;
  const std::filesystem::path file_ = place_.path() / "a.snapshot";
};

TEST_F(SnapshotFileTest, GivesBackWhatWasAdded) {
  Write();
  const auto snapshot = SnapshotFile::Open(file_);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->title().name, "a name");
  EXPECT_EQ(snapshot->title().embedder, "an embedder");
  EXPECT_EQ(snapshot->title().dimensions, 512u);
  EXPECT_EQ(snapshot->blobs(), 2u);
  EXPECT_EQ(snapshot->parts(), 2u);
  EXPECT_EQ(snapshot->entries(), 3u);
  const auto entries = ReadAll();
  ASSERT_TRUE(entries) << entries.error().message;
  for (int i = 1; i <= 3; ++i) {
    const Entry& entry = (*entries)[static_cast<std::size_t>(i - 1)];
    EXPECT_EQ(entry.id, static_cast<std::uint64_t>(i));
    ExpectEqual(entry, SampleEntry(i));
  }
}

TEST_F(SnapshotFileTest, MayBeEmpty) {
  auto writer = SnapshotWriter::Create(file_, {"a", "b", 1});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->Finish());
  const auto entries = ReadAll();
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_TRUE(entries->empty());
}

TEST_F(SnapshotFileTest, AnyFlippedBitIsFound) {
  Write();
  const std::string bytes = Bytes();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    SetBytes(damaged);
    const auto read = ReadAll();
    ASSERT_FALSE(read) << "byte " << at;
    EXPECT_EQ(read.error().code, Code::kCorrupt) << read.error().message;
  }
}

TEST_F(SnapshotFileTest, AnyTruncationIsFound) {
  Write();
  const std::string bytes = Bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SetBytes(bytes.substr(0, size));
    ASSERT_FALSE(ReadAll()) << size;
  }
  SetBytes(bytes + "x");
  EXPECT_FALSE(ReadAll());
}

TEST_F(SnapshotFileTest, AnotherVersionSaysSo) {
  Write();
  std::string bytes = Bytes();
  bytes[8] = 77;
  SetBytes(bytes);
  const auto read = ReadAll();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("version 77"));
  EXPECT_THAT(read.error().message, HasSubstr(file_.string()));
}

TEST_F(SnapshotFileTest, MissingOneIsNotFound) {
  const auto opened = SnapshotFile::Open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace reprise
