// Keeps embeddings by their text, and asks an embedder once for a text that several requests want
// at the same time. For embedders that cost a call or some milliseconds.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/async_value.h"
#include "embed/embedder.h"

namespace reprise {

struct CachingEmbedderOptions {
  std::size_t max_bytes = 64u << 20;         // 0: only equal texts in flight are shared
  std::chrono::milliseconds timeout{3'000};  // of an Embed, whatever the inner embedder does
};

// Failures are not kept. The inner embedder runs in a task of its own, so a caller whose time is
// over does not take the embedding from the others, and it is kept when it comes.
class CachingEmbedder final : public Embedder {
 public:
  // `context` outlives it; its threads have ended when this is destroyed.
  CachingEmbedder(std::unique_ptr<Embedder> inner, CachingEmbedderOptions options,
                  asio::io_context& context)
      : inner_(std::move(inner)), options_(options), context_(context) {}

  std::string_view identity() const override { return inner_->identity(); }
  std::size_t dimensions() const override { return inner_->dimensions(); }
  Task<Result<Embedding>> Embed(const Prompt& prompt) override;
  EmbeddingCounters counters() const override;

 private:
  using Flight = AsyncValue<Result<Embedding>>;
  struct Entry {
    std::string text;
    Embedding embedding;
  };
  using Entries = std::list<Entry>;  // the most recently used first

  std::optional<Embedding> FindKept(std::string_view text);  // the lock is held
  Task<> Fly(std::string text, Prompt prompt, std::shared_ptr<Flight> flight);
  void Land(const std::string& text, const Result<Embedding>& embedding);
  void Keep(std::string text, Embedding embedding);
  static std::size_t BytesOf(const Entry& entry);

  const std::unique_ptr<Embedder> inner_;
  const CachingEmbedderOptions options_;
  asio::io_context& context_;

  mutable std::mutex mutex_;
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> index_;  // keys are the entries' texts
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
  EmbeddingCounters counters_;
};

}  // namespace reprise
