// Removes entries that somebody wants gone: one, or all that a selector names. Safe for any thread;
// requests go on meanwhile, and miss what is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/library.h"
#include "cache/prompt_embedding.h"
#include "cache/settings.h"
#include "prompt/verifier.h"

namespace reprise {

// Which entries of one tenant: those of which everything that is set here is true.
struct PurgeSelector {
  std::string tenant;
  std::set<std::uint64_t> entries;  // one of these ids; empty: any
  std::optional<std::string> tag, model, name_space, category;
  // Without min_similarity: entries that would answer it, verified as a hit is. With it: entries
  // whose prompts' embeddings have at least that cosine, whatever they mean.
  std::optional<std::string> prompt;
  std::optional<double> min_similarity;       // 0 to 1
  std::optional<std::int64_t> older_than_ms;  // since the newest image was made
};

// Everything but the prompt, which takes an embedding to compare. Pure.
bool Selects(const PurgeSelector& selector, const Entry& entry, std::int64_t now_ms);

struct Purged {
  EntryPtr entry;                    // as it was
  std::optional<double> similarity;  // to the selector's prompt, if it has one
};

class Purge {
 public:
  // All of them outlive this object.
  struct Parts {
    const EntryTable& table;
    Library& library;
    const EntryStore& entries;
    PromptEmbedding& embedding;
    const Verifier& verifier;
    WorkerPool& workers;
    const CacheSettings& settings;
    const Clock& clock;
    std::string embedder;  // the identity of the present one
  };
  explicit Purge(Parts parts) : parts_(std::move(parts)) {}

  // What the selector names now, in order of id; changes nothing. An error when the prompt cannot
  // be embedded or the store not be read.
  Task<Result<std::vector<Purged>>> Find(PurgeSelector selector);

  // Finds and removes; gives what was removed. What is stored meanwhile may stay. After an error
  // some may be gone: the message says how many.
  Task<Result<std::vector<Purged>>> Run(PurgeSelector selector);

  // kNotFound when the tenant has no such entry.
  Task<Result<void>> Remove(std::string tenant, std::uint64_t id);

 private:
  struct Question;

  // The next two are for a worker: they look at every entry.
  Result<std::vector<Purged>> Scan(const Question& question) const;
  Result<std::vector<Purged>> Compare(const Question& question, std::vector<Purged> found) const;
  std::optional<double> Similarity(const Question& question, const Entry& entry,
                                   const StoredVector& vector) const;

  const Parts parts_;
};

}  // namespace reprise
