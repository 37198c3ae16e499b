// Turns prompt text into a vector whose cosine finds candidates; the verifier decides on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "prompt/prompt.h"

namespace reprise {

// Unit length (L2), `dimensions()` floats, or all zero for a blank text.
using Embedding = std::vector<float>;

// Since the start. All zero where nothing is cached.
struct EmbeddingCounters {
  std::uint64_t hits = 0;    // answered from memory
  std::uint64_t joined = 0;  // waited for the same text, which was being embedded already
  std::uint64_t misses = 0;  // asked of the model
  std::uint64_t errors = 0;  // ended without an embedding, joined ones too
  std::size_t bytes = 0;     // of what is cached now
};

// Safe for any thread.
class Embedder {
 public:
  virtual ~Embedder() = default;

  // Stays the same exactly as long as equal text gives equal vectors, e.g. "lexical-1/1024". Stored
  // with every vector: vectors of different identities are never compared.
  virtual std::string_view identity() const = 0;

  // 0: not known yet. A remote model that was not asked for a size tells with its first answer; the
  // identity does not change then.
  virtual std::size_t dimensions() const = 0;

  // A failure (a remote model away) means exact matching only, never a failed request. `prompt`
  // lives until the task ends, and the embedder longer.
  virtual Task<Result<Embedding>> Embed(const Prompt& prompt) = 0;

  virtual EmbeddingCounters counters() const { return {}; }
};

// The built-in lexical embedder: no model, no file, no network; never suspends.
std::unique_ptr<Embedder> MakeBuiltInEmbedder();

// The same vector without a task, for tools and benchmarks.
Embedding EmbedBuiltIn(const Prompt& prompt);

}  // namespace reprise
