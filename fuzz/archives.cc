// Archives of `reprise import`: the tar container, and the lines in it.
#include <cstring>

#include "store/archive_json.h"
#include "store/tar.h"
#include "targets.h"

namespace reprise::fuzz {
namespace {

void Lines(std::string_view line) {
  const auto entry = ReadEntryLine(line);
  if (entry) {
    const std::string again = WriteEntryLine(entry->entry, entry->vector);
    const auto read = ReadEntryLine(again);
    Promise(read && WriteEntryLine(read->entry, read->vector) == again,
            "lines are read as written");
  }
  (void)ReadCorrectionLine(line);
}

}  // namespace

void Archives(std::string_view bytes) {
  std::size_t at = 0;
  const auto source = [&](char* buffer, std::size_t size) -> Result<std::size_t> {
    const std::size_t count = std::min(size, bytes.size() - at);
    std::memcpy(buffer, bytes.data() + at, count);
    at += count;
    return count;
  };
  TarReader reader(source, 1u << 20);
  for (auto member = reader.Next(); member && *member; member = reader.Next()) {
    Promise((*member)->bytes.size() <= bytes.size(), "a member is part of its archive");
    Lines((*member)->bytes);
  }
  Lines(bytes);
}

}  // namespace reprise::fuzz
