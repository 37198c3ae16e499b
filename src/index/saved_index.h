// An index on its way to a file: a header, the codes of its vectors, and the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "index/hnsw_graph.h"
#include "index/rows.h"
#include "index/saved_bytes.h"
#include "index/vector_index.h"

namespace reprise {

class SavedIndex {
 public:
  struct Header {
    std::uint64_t magic =
        0x316478692d727072;  // "rpr-ixd1"; another byte order reads another number
    std::uint32_t dimensions = 0, connectivity = 0;
    Slot count = 0;
    HnswGraph::Head graph;
  };
  static_assert(sizeof(Header) == 32);

  // `codes` outlives this; its first `header.count` rows do not change.
  SavedIndex(const Header& header, const Rows& codes) : header_(header), codes_(codes) {}

  SavedBytes& rest() { return rest_; }

  Result<void> Write(const VectorIndex::Sink& sink) const {
    Result<void> written = sink(std::as_bytes(std::span(&header_, 1)));
    codes_.ForEachRun(header_.count, [&](std::span<std::byte> run) {
      if (written) written = sink(run);
    });
    return written ? sink(rest_.bytes()) : written;
  }

  // Nothing for what does not begin with a header.
  static std::optional<Header> ReadHeader(SavedReader& in) {
    if (in.left() < sizeof(Header)) return std::nullopt;
    const auto header = in.Get<Header>();
    return header.magic == Header().magic ? std::optional(header) : std::nullopt;
  }

 private:
  const Header header_;
  const Rows& codes_;
  SavedBytes rest_;
};

}  // namespace reprise
