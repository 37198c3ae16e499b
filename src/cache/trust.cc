#include "cache/trust.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "base/log.h"
#include "cache/identity.h"

namespace reprise {
namespace {

// Rows that are kept, of some 60 bytes each on the disk.
constexpr std::size_t kMostObservations = 200'000;
constexpr unsigned kPruneEvery = 360;

// Equal but for case and spaces, or asked in another size: no rephrasing, as right as an exact hit.
bool SameText(const Prompt& stored, const Prompt& prompt) {
  return stored.normalized == prompt.normalized && stored.quoted == prompt.quoted;
}

double SystemRandom() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

Trust::Parts WithRandom(Trust::Parts parts) {
  if (!parts.random) parts.random = SystemRandom;
  return parts;
}

std::string_view LengthBand(std::size_t tokens) {
  return tokens <= 6 ? "short" : tokens <= 15 ? "medium" : tokens <= 40 ? "long" : "very long";
}

Error NoEntry(std::uint64_t id) {
  return {.code = Code::kNotFound,
          .message = "no entry " + std::to_string(id) +
                     " is stored; the header X-Reprise-Entry of a reply names its entry",
          .param = "entry"};
}

Error OwnPrompt(std::uint64_t id) {
  return {.code = Code::kInvalidArgument,
          .message = "this is the prompt of entry " + std::to_string(id) +
                     " itself, which goes on being answered by its own image; to have another, "
                     "send the request with the header Cache-Control: no-cache",
          .param = "prompt"};
}

Error TooMany() {
  return {.code = Code::kOverloaded,
          .message = "no room for another correction: " + std::to_string(Corrections::kMost) +
                     " are kept, and for each tenant at least a tenth of that; withdraw some with "
                     "DELETE /v1/feedback/ID"};
}

}  // namespace

std::uint64_t PoolOf(const Digest& partition, const Prompt& prompt, std::string_view reason) {
  std::string key(partition.View());
  key += reason.substr(0, reason.find(':'));
  key += '/';
  key += LengthBand(prompt.tokens.size());
  const Digest digest = Sha256(key);
  std::uint64_t pool = 0;
  std::memcpy(&pool, digest.bytes.data(), sizeof pool);
  return pool;
}

Trust::Trust(Parts parts)
    : parts_(WithRandom(std::move(parts))),
      audit_({.store = parts_.store,
              .generation = parts_.generation,
              .library = parts_.library,
              .stats = parts_.stats,
              .judge = parts_.judge,
              .workers = parts_.workers,
              .clock = parts_.clock,
              .context = parts_.context,
              .settings = parts_.settings,
              .random = parts_.random,
              .learn = [this](const Label& label) { learner_.Learn(label); }}) {}

Result<void> Trust::Load() {
  auto read = parts_.store.ForEachCorrection([&](Correction&& correction) {
    const Digest a = TextKey(correction.tenant, Analyze(correction.entry_prompt));
    const Digest b = TextKey(correction.tenant, Analyze(correction.prompt));
    corrections_.Put(correction.tenant, a, b, correction.same);
  });
  if (!read) return read;
  const auto reviews = parts_.store.Reviews();
  if (!reviews) return std::unexpected(reviews.error());
  reviews_.insert(reviews->begin(), reviews->end());
  return audit_.Load();
}

// ---- what may be served ----

Trust::Vetoes Trust::VetoesFor(const std::string& tenant, const Prompt& prompt) const {
  Vetoes vetoes;
  vetoes.trust_ = this;
  if (corrections_.refused() == 0) return vetoes;
  vetoes.tenant_ = tenant;
  vetoes.refused_ = corrections_.RefusedWith(TextKey(tenant, prompt));
  return vetoes;
}

std::string Trust::Vetoes::Objection(const CachedEntry& entry) const {
  if (trust_->InReview(entry.record().id)) return "in review";
  if (refused_.empty()) return "";
  const Digest text = TextKey(tenant_, *trust_->parts_.table.PromptOf(entry));
  return std::ranges::find(refused_, text) == refused_.end() ? "" : "corrected";
}

bool Trust::KeepsApart(const Job& job, const Job& made) const {
  const EntryPtr entry = parts_.table.Find(made.identity.fingerprint);
  if (entry && InReview(entry->record().id)) return true;
  return Refused(job.request->tenant, job.prompt, made.prompt);
}

bool Trust::Refused(const std::string& tenant, const Prompt& a, const Prompt& b) const {
  if (corrections_.refused() == 0) return false;
  return corrections_.Find(TextKey(tenant, a), TextKey(tenant, b)) == false;
}

bool Trust::InReview(std::uint64_t entry) const {
  std::shared_lock lock(reviews_mutex_);
  return reviews_.contains(entry);
}

// ---- serve or explore ----

double Trust::MaxError(const ImageRequest& request) const {
  const double own = parts_.settings.max_error;
  const double asked = request.control.max_error.value_or(0);
  return own == 0 || asked == 0 ? std::max(own, asked) : std::min(own, asked);
}

Candidate Trust::CandidateFor(const SemanticMatch& match, const Job& job) const {
  return {.pool = PoolOf(job.identity.compatibility, job.prompt, match.verdict.reason),
          .entry = match.entry->record().id,
          .similarity = match.verdict.similarity};
}

std::optional<Exploration> Trust::Decide(const SemanticMatch& match, const Job& job) {
  const double max_error = MaxError(*job.request);
  if (max_error == 0 || SameText(*parts_.table.PromptOf(*match.entry), job.prompt))
    return std::nullopt;
  const Candidate candidate = CandidateFor(match, job);
  if (!learner_.Decide(candidate, max_error, parts_.random()).explore) return std::nullopt;
  return Exploration{candidate, learner_.DecisionsOf(candidate.pool), match.entry};
}

void Trust::Served(const SemanticMatch& match, const StoredImage& image,
                   std::shared_ptr<const Job> job) {
  const double share = parts_.settings.audit.share;
  if (share <= 0 || SameText(*parts_.table.PromptOf(*match.entry), job->prompt) ||
      job->request->control.no_store)
    return;
  if (parts_.random() >= share) return;
  const Candidate candidate = CandidateFor(match, *job);
  audit_.Submit({.source = ObservationSource::kAudited,
                 .candidate = candidate,
                 .decision = learner_.DecisionsOf(candidate.pool),
                 .entry = match.entry,
                 .image = image,
                 .job = std::move(job),
                 .generated = nullptr});
}

void Trust::Explored(const Exploration& exploration, std::shared_ptr<const Job> job,
                     SharedBytes generated) {
  if (job->request->control.no_store) return;
  audit_.Submit({.source = ObservationSource::kExplored,
                 .candidate = exploration.candidate,
                 .decision = exploration.decision,
                 .entry = exploration.entry,
                 .image = exploration.entry->record().images.back(),
                 .job = std::move(job),
                 .generated = std::move(generated)});
}

// ---- feedback ----

Task<Result<FeedbackResult>> Trust::Give(Feedback feedback) {
  const EntryPtr entry = parts_.table.FindById(feedback.entry);
  if (!entry || TenantOf(entry->record().scope) != feedback.tenant) {
    co_return std::unexpected(NoEntry(feedback.entry));
  }
  FeedbackResult result;
  if (feedback.same) {
    const auto id = co_await Correct(feedback, *entry);
    if (!id) co_return std::unexpected(id.error());
    result.id = *id;
  }
  if (feedback.review) {
    const auto done = co_await Review(feedback.entry, *feedback.review);
    if (!done) co_return std::unexpected(done.error());
  }
  result.in_review = InReview(feedback.entry);
  co_return result;
}

Task<Result<std::uint64_t>> Trust::Correct(const Feedback& feedback, const CachedEntry& entry) {
  const Prompt prompt = Analyze(feedback.prompt);
  const auto stored = parts_.table.PromptOf(entry);
  const Digest a = TextKey(feedback.tenant, *stored), b = TextKey(feedback.tenant, prompt);
  if (a == b) co_return std::unexpected(OwnPrompt(feedback.entry));
  const auto before = corrections_.Find(a, b);
  if (!before && !corrections_.HasRoomFor(feedback.tenant)) co_return std::unexpected(TooMany());
  const bool same = *feedback.same;
  // In memory first, so that a "no" holds for whoever asks while it is being written.
  if (!same) corrections_.Put(feedback.tenant, a, b, false);
  Correction correction{.pair = PairKey(a, b),
                        .tenant = feedback.tenant,
                        .entry = feedback.entry,
                        .entry_prompt = entry.record().prompt,
                        .prompt = feedback.prompt,
                        .same = same,
                        .note = feedback.note,
                        .created_ms = parts_.clock.NowMs()};
  const auto id = co_await parts_.store.PutCorrection(std::move(correction));
  if (!id) co_return std::unexpected(id.error());
  if (same) corrections_.Put(feedback.tenant, a, b, true);
  if (before != same) {  // repeating it is no further evidence
    const auto observed = co_await Observe(entry, prompt, same);
    if (!observed) log::warn("feedback: {}", observed.error().message);
  }
  co_return id;
}

Task<Result<void>> Trust::Observe(const CachedEntry& entry, const Prompt& prompt, bool same) {
  const Verdict verdict =
      parts_.verifier.Verify(prompt, *parts_.table.PromptOf(entry), parts_.settings.match_mode);
  const Digest& partition = entry.record().compatibility;
  const StoredObservation observation{.source = ObservationSource::kReported,
                                      .pool = PoolOf(partition, prompt, verdict.reason),
                                      .entry = entry.record().id,
                                      .similarity = verdict.similarity,
                                      .score = {},
                                      .same = same,
                                      .created_ms = parts_.clock.NowMs()};
  learner_.Learn({.candidate = {observation.pool, observation.entry, observation.similarity},
                  .same = same,
                  .decision = 0,
                  .reported = true});
  co_return co_await parts_.store.PutObservation(observation);
}

Task<Result<void>> Trust::Review(std::uint64_t entry, bool review) {
  if (review) {
    std::unique_lock lock(reviews_mutex_);
    reviews_.insert(entry);
  }
  auto done = co_await parts_.store.SetReview(entry, review, parts_.clock.NowMs());
  if (done && !review) {
    std::unique_lock lock(reviews_mutex_);
    reviews_.erase(entry);
  }
  co_return done;
}

Task<Result<void>> Trust::Withdraw(std::string tenant, std::uint64_t id) {
  const auto removed = co_await parts_.store.RemoveCorrection(std::move(tenant), id);
  if (!removed) co_return std::unexpected(removed.error());
  if (!*removed) {
    co_return Fail(Code::kNotFound, "there is no feedback " + std::to_string(id) +
                                        "; GET /v1/feedback lists what there is");
  }
  const Correction& correction = **removed;
  corrections_.Remove(correction.tenant,
                      TextKey(correction.tenant, Analyze(correction.entry_prompt)),
                      TextKey(correction.tenant, Analyze(correction.prompt)));
  co_return Result<void>();
}

Task<Result<std::vector<Correction>>> Trust::List(std::string tenant, std::uint64_t before,
                                                  std::size_t limit) {
  return parts_.store.ListCorrections(std::move(tenant), before, limit);
}

std::vector<std::uint64_t> Trust::Reviews(const std::string& tenant) const {
  std::vector<std::uint64_t> entries;
  {
    std::shared_lock lock(reviews_mutex_);
    entries.assign(reviews_.begin(), reviews_.end());
  }
  std::erase_if(entries, [&](std::uint64_t id) {
    const EntryPtr entry = parts_.table.FindById(id);
    return !entry || TenantOf(entry->record().scope) != tenant;
  });
  std::ranges::sort(entries);
  return entries;
}

// Called every few seconds; there is something to prune after many hours.
Task<Result<void>> Trust::Maintain() {
  if (maintained_.fetch_add(1) % kPruneEvery != 0) co_return Result<void>();
  {
    std::unique_lock lock(reviews_mutex_);
    std::erase_if(reviews_, [&](std::uint64_t id) { return !parts_.table.FindById(id); });
  }
  co_return co_await parts_.store.KeepObservations(kMostObservations);
}

void Trust::AddStats(nlohmann::json& stats) const {
  std::size_t in_review = 0;
  {
    std::shared_lock lock(reviews_mutex_);
    in_review = reviews_.size();
  }
  const std::size_t refused = corrections_.refused();
  stats["feedback"] = {
      {"different", refused}, {"same", corrections_.size() - refused}, {"in_review", in_review}};
  stats["audit"] = audit_.Stats();
  const auto totals = learner_.totals();
  stats["error_bound"] = {{"max_error", parts_.settings.max_error},
                          {"served", totals.served},
                          {"explored", totals.explored},
                          {"labels", totals.labels},
                          {"different", totals.different},
                          {"pools", totals.pools},
                          {"changes", totals.changes}};
}

}  // namespace reprise
