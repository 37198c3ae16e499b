// A batch's progress as server-sent events: one per item that ends, then one for the end. Events
// are numbered 1, 2, ... in an order that is durable, so a client that comes back with the last
// number it has seen, also after a restart, misses nothing and gets nothing twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/image_links.h"
#include "http/message.h"
#include "work/batches.h"

namespace reprise {

class BatchEvents final : public http::BodyStream {
 public:
  struct Options {
    std::uint64_t after = 0;  // the last event that was seen
    ImageLinks links;
    std::chrono::milliseconds keep_alive{15'000};  // a comment when nothing happens that long
  };
  // `batches` outlives it.
  BatchEvents(const Batches& batches, ActiveBatchPtr batch, Options options);

  // Ends after the end event, and when the process stops.
  Task<Result<std::optional<std::string>>> Next() override;

 private:
  std::string Describe(const ActiveBatch::Changes& changes);

  const Batches& batches_;
  const ActiveBatchPtr batch_;
  const Options options_;
  const std::size_t total_;  // items
  std::uint64_t last_;
  bool begun_ = false, ended_ = false;
};

}  // namespace reprise
