// Turns prompt text into a vector whose cosine finds candidates; the verifier decides on them.
#pragma once

#include <cstddef>
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

// Safe for any thread.
class Embedder {
 public:
  virtual ~Embedder() = default;

  // Stays the same exactly as long as equal text gives equal vectors, e.g. "lexical-1/1024". Stored
  // with every vector: vectors of different identities are never compared.
  virtual std::string_view identity() const = 0;
  virtual std::size_t dimensions() const = 0;

  // A failure (a remote model away) means exact matching only, never a failed request. `prompt`
  // lives until the task ends.
  virtual Task<Result<Embedding>> Embed(const Prompt& prompt) = 0;
};

// The built-in lexical embedder: no model, no file, no network; never suspends.
std::unique_ptr<Embedder> MakeLexicalEmbedder();

// The same vector without a task, for tools and benchmarks.
Embedding EmbedLexical(const Prompt& prompt);

}  // namespace reprise
