#include "store/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "store/store_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

std::string Archive(const std::vector<TarMember>& members) {
  std::string archive;
  TarWriter writer([&](std::string_view bytes) -> Result<void> {
    archive += bytes;
    return {};
  });
  for (const TarMember& member : members) EXPECT_TRUE(writer.Add(member.name, member.bytes));
  EXPECT_TRUE(writer.Finish());
  return archive;
}

// Gives a byte, two bytes, three, ... at a time.
ByteSource Slowly(std::string text) {
  return [text = std::move(text), at = std::size_t{0}, step = std::size_t{0}](
             char* buffer, std::size_t size) mutable -> Result<std::size_t> {
    const std::size_t count = std::min({size, ++step, text.size() - at});
    std::memcpy(buffer, text.data() + at, count);
    at += count;
    return count;
  };
}

Error Refusal(std::string archive, std::size_t limit = 1 << 20) {
  TarReader reader(Slowly(std::move(archive)), limit);
  for (;;) {
    const auto member = reader.Next();
    if (!member) return member.error();
    if (!*member) return {};
  }
}

const std::vector<TarMember> kMembers = {{"a.json", "{}"},
                                         {"b/empty", ""},
                                         {"c", std::string(1024, 'c')},
                                         {"d", std::string("\0d\xff", 3)}};

TEST(Tar, WhatWasWrittenIsRead) {
  TarReader reader(Slowly(Archive(kMembers)), 1024);
  for (const TarMember& wanted : kMembers) {
    const auto member = reader.Next().value();
    ASSERT_TRUE(member);
    EXPECT_EQ(member->name, wanted.name);
    EXPECT_EQ(member->bytes, wanted.bytes);
  }
  EXPECT_FALSE(reader.Next().value());
}

TEST(Tar, OtherProgramsReadIt) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "x.tar", std::ios::binary) << Archive(kMembers);
  const std::string run = "cd " + directory.path().string() +
                          " && tar xf x.tar && test $(cat a.json) = {} && "
                          "test $(wc -c < c) = 1024 && test -e b/empty";
  EXPECT_EQ(std::system(run.c_str()), 0);
}

TEST(Tar, WhatIsCutOffIsNoArchive) {
  const std::string whole = Archive(kMembers);
  for (std::size_t size = 0; size + 1024 < whole.size(); size += 100) {
    EXPECT_EQ(Refusal(whole.substr(0, size)).code, Code::kCorrupt) << size;
  }
}

TEST(Tar, ABitThatFlipsInAHeaderIsSeen) {
  const std::string whole = Archive(kMembers);
  for (const std::size_t at : {0, 3, 124, 130, 148, 156, 257, 511}) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    EXPECT_EQ(Refusal(damaged).code, Code::kCorrupt) << at;
  }
}

TEST(Tar, LargeMembersAreRefusedUnread) {
  const Error error = Refusal(Archive(kMembers), 1023);
  EXPECT_EQ(error.code, Code::kTooLarge);
  EXPECT_THAT(error.message, HasSubstr("1024"));
}

TEST(Tar, AnythingElseIsNoArchive) {
  EXPECT_EQ(Refusal(std::string(4096, 'x')).code, Code::kCorrupt);
  EXPECT_EQ(Refusal("").code, Code::kCorrupt);
}

}  // namespace
}  // namespace reprise
