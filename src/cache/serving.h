// Gets picked images to the caller: reads their bytes, renders the size and format asked for, names
// them for URLs. Safe for any thread.
#pragma once

#include <optional>
#include <vector>

#include "base/worker_pool.h"
#include "cache/library.h"
#include "cache/rendition.h"
#include "cache/reply.h"
#include "cache/stats.h"

namespace reprise {

// An image that is to answer a request.
struct Pick {
  StoredImage image;
  SharedBytes bytes;  // null: to be read
};

class Serving {
 public:
  // All of them outlive this object.
  struct Parts {
    Library& library;
    const EntryTable& table;
    CacheStats& stats;
    WorkerPool& workers;
  };
  explicit Serving(Parts parts) : parts_(parts) {}

  // The picks as `delivery` wants them, cut to `size` unless automatic. Those that are not stored
  // come with their bytes and without a name.
  Task<Result<Reply>> ServeAll(std::vector<Pick> picks, Delivery delivery, ImageSize size);

  // The same without waiting, when memory has all of it; nothing otherwise.
  std::optional<Reply> AllFromMemory(const std::vector<Pick>& picks, const Delivery& delivery,
                                     ImageSize size);

  // What the caller does with an image: names it, puts its bytes into something, or sends them as
  // they are (from a file, when there is one).
  enum class Use { kName, kBytes, kSend };

  // One image. When its bytes are gone, or found damaged, it is dropped from the library, so that
  // the next look is a miss.
  Task<Result<ServedImage>> Serve(Pick pick, Rendition rendition, Use use);
  std::optional<ServedImage> FromMemory(const Pick& pick, const Rendition& rendition, Use use);

 private:
  // Whether a link to it would be answered.
  bool IsStored(const StoredImage& image) const {
    return parts_.table.FindImage(image.id).has_value();
  }
  Task<Result<SharedBytes>> Original(const Pick& pick);
  Task<> NoteUnreadable(const StoredImage& image, Error error);
  Task<Result<std::string>> Render(SharedBytes bytes, Rendition rendition);

  const Parts parts_;
};

}  // namespace reprise
