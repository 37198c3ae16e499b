#include "base/file_memory.h"

#include <gtest/gtest.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

namespace reprise {
namespace {

constexpr std::size_t kPage = 4096;

std::shared_ptr<FileMemory> Memory(std::size_t capacity) {
  return FileMemory::Create(capacity).value();
}

std::string ReadAt(const FileMemory::Place& place, std::size_t size) {
  std::string text(size, 0);
  EXPECT_EQ(pread(place.file, text.data(), size, static_cast<off_t>(place.offset)),
            static_cast<ssize_t>(size));
  return text;
}

TEST(FileMemoryTest, ACopyIsInTheFileAndInMemory) {
  const auto memory = Memory(8 * kPage);
  const std::string text(5000, 'x');
  const FileBytesPtr bytes = memory->Copy(text);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->view(), text);
  const auto place = FileMemory::Find(bytes->data());
  ASSERT_TRUE(place);
  EXPECT_EQ(ReadAt(*place, text.size()), text);
  const auto inside = FileMemory::Find(bytes->data() + 100);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->offset, place->offset + 100);
}

TEST(FileMemoryTest, OtherMemoryIsNoFile) {
  const auto memory = Memory(kPage);
  const std::string text = "not there";
  EXPECT_FALSE(FileMemory::Find(text.data()));
  EXPECT_FALSE(FileMemory::Find(nullptr));
}

TEST(FileMemoryTest, WhatIsGivenBackCanBeTakenAgain) {
  const auto memory = Memory(4 * kPage);
  auto first = memory->Copy(std::string(2 * kPage, 'a'));
  auto second = memory->Copy(std::string(2 * kPage, 'b'));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(memory->Copy("one more"));
  first.reset();
  second.reset();
  EXPECT_TRUE(memory->Copy(std::string(4 * kPage, 'c')));  // the two pieces are one again
}

TEST(FileMemoryTest, BytesOutliveTheirMemory) {
  auto memory = Memory(kPage);
  const FileBytesPtr bytes = memory->Copy("still here");
  memory.reset();
  EXPECT_EQ(bytes->view(), "still here");
  EXPECT_TRUE(FileMemory::Find(bytes->data()));
}

// A socket sends pages, not copies: what comes to their place later must not be seen by a reader
// that is slower.
TEST(FileMemoryTest, WhatIsBeingSentStaysWhatItWas) {
  const auto memory = Memory(16 * kPage);
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const std::string old_text(16 * kPage, 'o');
  auto bytes = memory->Copy(old_text);
  const auto place = FileMemory::Find(bytes->data());
  off_t offset = static_cast<off_t>(place->offset);
  const ssize_t sent = sendfile(ends[0], place->file, &offset, old_text.size());
  ASSERT_GT(sent, 0);
  bytes.reset();
  const auto after = memory->Copy(std::string(16 * kPage, 'n'));
  ASSERT_TRUE(after);
  std::string received(static_cast<std::size_t>(sent), 0);
  ASSERT_EQ(recv(ends[1], received.data(), received.size(), MSG_WAITALL), sent);
  EXPECT_EQ(received, old_text.substr(0, received.size()));
  close(ends[0]);
  close(ends[1]);
}

TEST(FileMemoryTest, PiecesNeverOverlap) {
  const auto memory = Memory(64 * kPage);
  std::mt19937 random(7);
  std::vector<std::pair<FileBytesPtr, char>> kept;
  for (int step = 0; step < 5000; ++step) {
    if (!kept.empty() && random() % 2 == 0) {
      const std::size_t at = random() % kept.size();
      kept[at] = kept.back();
      kept.pop_back();
    } else {
      const char fill = static_cast<char>('a' + random() % 26);
      auto bytes = memory->Copy(std::string(1 + random() % (6 * kPage), fill));
      if (bytes) kept.emplace_back(std::move(bytes), fill);
    }
    for (const auto& [bytes, fill] : kept) {
      ASSERT_EQ(bytes->view().front(), fill);
      ASSERT_EQ(bytes->view().back(), fill);
    }
  }
  kept.clear();
  EXPECT_TRUE(memory->Copy(std::string(64 * kPage, 'z')));
}

}  // namespace
}  // namespace reprise
