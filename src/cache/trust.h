// What keeps semantic hits right beyond the verifier: corrections by people, reviews, audits and
// the bound on errors. The cache asks it at three moments: whether a neighbour may be served at all
// (Vetoes), whether to serve it or to explore (Decide), and tells it what came of it (Served,
// Explored). Safe for any thread; none of these waits.
#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "cache/audit.h"
#include "cache/corrections.h"
#include "cache/error_learner.h"
#include "cache/exploration.h"
#include "cache/semantic_tier.h"

namespace reprise {

// A word about an entry and a prompt it answered, or might have.
struct Feedback {
  std::string tenant;
  std::uint64_t entry = 0;
  std::string prompt;
  std::optional<bool> same;    // none: `review` alone
  std::optional<bool> review;  // true: semantic hits of the entry stop until false
  std::string note;
};

struct FeedbackResult {
  std::uint64_t id = 0;  // of the correction; 0: there was none
  bool in_review = false;
};

class Trust {
 public:
  // All of them outlive the trust, but for the functions.
  struct Parts {
    TrustStore& store;
    const EntryTable& table;
    const Verifier& verifier;
    Generation& generation;
    Library& library;
    CacheStats& stats;
    ImageJudge* judge = nullptr;
    WorkerPool& workers;
    const Clock& clock;
    asio::io_context& context;
    const CacheSettings& settings;
    std::function<double()> random;  // uniform in [0, 1), from any thread; none: the system's
  };
  explicit Trust(Parts parts);

  // Takes up what is stored. Once, before the other methods.
  Result<void> Load();

  // Which entries may not answer a prompt whatever the verifier says, in any mode.
  class Vetoes {
   public:
    // The reason, or an empty string.
    std::string Objection(const CachedEntry& entry) const;

   private:
    friend class Trust;
    const Trust* trust_ = nullptr;
    std::string tenant_;
    std::vector<Digest> refused_;
  };
  Vetoes VetoesFor(const std::string& tenant, const Prompt& prompt) const;

  // Whether people's words keep a request from what is being made for other words: they never share
  // a picture, or it is for an entry in review.
  bool KeepsApart(const Job& job, const Job& made) const;

  // Whether errors are bounded for the request: then it joins no generation in other words, which
  // nobody has decided to serve or to explore.
  bool BoundsErrors(const ImageRequest& request) const { return MaxError(request) > 0; }

  // Nothing: serve the match. Call once per request and keep the answer.
  std::optional<Exploration> Decide(const SemanticMatch& match, const Job& job);

  // The match's image was served. Perhaps audits it, in the background.
  void Served(const SemanticMatch& match, const StoredImage& image, std::shared_ptr<const Job> job);

  // What was generated instead. Compared in the background.
  void Explored(const Exploration& exploration, std::shared_ptr<const Job> job,
                SharedBytes generated);

  // kNotFound when the tenant has no such entry, kInvalidArgument for a "no" to the entry's own
  // prompt. Durable when it returns.
  Task<Result<FeedbackResult>> Give(Feedback feedback);
  // Takes a correction back. kNotFound when the tenant has none of that id.
  Task<Result<void>> Withdraw(std::string tenant, std::uint64_t id);
  // Newest first, ids below `before` (0: all).
  Task<Result<std::vector<Correction>>> List(std::string tenant, std::uint64_t before,
                                             std::size_t limit);
  // The tenant's entries in review, by id.
  std::vector<std::uint64_t> Reviews(const std::string& tenant) const;

  // Forgets what need not be kept any more; called now and then.
  Task<Result<void>> Maintain();

  // Members "feedback", "audit" and "error_bound" of /v1/stats.
  void AddStats(nlohmann::json& stats) const;

  std::size_t under_way() const { return audit_.under_way(); }

 private:
  Candidate CandidateFor(const SemanticMatch& match, const Job& job) const;
  double MaxError(const ImageRequest& request) const;
  bool Refused(const std::string& tenant, const Prompt& a, const Prompt& b) const;
  bool InReview(std::uint64_t entry) const;
  Task<Result<void>> Review(std::uint64_t entry, bool review);
  Task<Result<std::uint64_t>> Correct(const Feedback& feedback, const CachedEntry& entry);
  Task<Result<void>> Observe(const CachedEntry& entry, const Prompt& prompt, bool same);

  const Parts parts_;
  Corrections corrections_;
  ErrorLearner learner_;
  Audit audit_;
  std::atomic<unsigned> maintained_ = 0;
  mutable std::shared_mutex reviews_mutex_;
  std::unordered_set<std::uint64_t> reviews_;
};

// The pool whose labels speak for a neighbour: its partition, how long the prompt is and what kind
// of difference the verifier saw ("paraphrase", "unmatched", ...).
std::uint64_t PoolOf(const Digest& partition, const Prompt& prompt, std::string_view reason);

}  // namespace reprise
