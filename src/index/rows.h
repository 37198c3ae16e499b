// Rows of one size, appended only, at addresses that never change: readers use them while the one
// writer appends.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

namespace reprise {

// Make is for one thread at a time. At is safe for any thread that learnt of the row through
// something the writer released after Make.
class Rows {
 public:
  explicit Rows(std::size_t row_bytes) : row_bytes_(row_bytes) {}
  ~Rows() {
    for (auto& chunk : chunks_) {
      ::operator delete(chunk.load(std::memory_order_relaxed), kCacheLine);
    }
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // The row's memory, uninitialised the first time; pages never touched cost nothing.
  std::byte* Make(std::uint32_t row) {
    auto& chunk = chunks_[ChunkOf(row)];
    if (!chunk.load(std::memory_order_relaxed)) {
      const std::size_t rows = kFirstChunk << ChunkOf(row);
      chunk.store(NewChunk(rows * row_bytes_), std::memory_order_relaxed);
    }
    return At(row);
  }

  std::byte* At(std::uint32_t row) const {
    const std::size_t chunk = ChunkOf(row);
    const std::size_t offset = row - kFirstChunk * ((std::size_t{1} << chunk) - 1);
    return chunks_[chunk].load(std::memory_order_relaxed) + offset * row_bytes_;
  }

  // The first `rows` rows, all of them made, as `visit(bytes)` of as few runs as there are.
  template <class Visit>
  void ForEachRun(std::uint32_t rows, Visit visit) const {
    for (std::uint32_t first = 0; first < rows;) {
      const auto chunk_end = kFirstChunk * ((std::size_t{2} << ChunkOf(first)) - 1);
      const auto run = static_cast<std::uint32_t>(std::min<std::size_t>(rows, chunk_end) - first);
      visit(std::span(At(first), run * row_bytes_));
      first += run;
    }
  }
  // Makes the first `rows` rows.
  void MakeAll(std::uint32_t rows) {
    for (std::size_t chunk = 0, first = 0; first < rows; first += kFirstChunk << chunk++) {
      Make(static_cast<std::uint32_t>(first));
    }
  }

  std::size_t row_bytes() const { return row_bytes_; }

 private:
  static constexpr std::align_val_t kCacheLine{64};
  static constexpr std::size_t kHugePage = 2u << 20;
  // Chunk c holds kFirstChunk << c rows, so a row's chunk is found by its highest bit.
  static constexpr std::size_t kFirstChunk = 4;
  static constexpr std::size_t kMaxChunks = 30;

  // In huge pages where it is large: rows are met at random, and a small page for each would not
  // fit into the processor's table of pages.
  static std::byte* NewChunk(std::size_t bytes) {
    auto* const chunk = static_cast<std::byte*>(::operator new(bytes, kCacheLine));
    if (bytes < 2 * kHugePage) return chunk;
    const auto first = (reinterpret_cast<std::uintptr_t>(chunk) + kHugePage - 1) / kHugePage;
    const auto end = (reinterpret_cast<std::uintptr_t>(chunk) + bytes) / kHugePage;
    // A system that has none goes on with small ones.
    (void)::madvise(reinterpret_cast<void*>(first * kHugePage), (end - first) * kHugePage,
                    MADV_HUGEPAGE);
    return chunk;
  }

  static std::size_t ChunkOf(std::uint32_t row) {
    return static_cast<std::size_t>(std::bit_width(row / kFirstChunk + 1)) - 1;
  }

  const std::size_t row_bytes_;
  std::array<std::atomic<std::byte*>, kMaxChunks> chunks_{};
};

}  // namespace reprise
