// What a request gets back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/file_memory.h"

namespace reprise {

struct ServedImage {
  SharedBytes bytes;  // null when the request wanted names only, or `file` has them
  FileBytesPtr file;  // where the bytes go out as they are, if there is one
  Digest blob;        // of the bytes as stored
  std::string name;   // for GET /images/{name}; empty when the image was not stored
  std::string media_type;
  std::string etag;  // with its quotes
  std::string revised_prompt;
  int width = 0, height = 0;  // as delivered
};

struct Reply {
  std::vector<ServedImage> images;
  std::string usage;  // the upstream's usage object as JSON, or empty
  std::int64_t created_ms = 0;
};

}  // namespace reprise
