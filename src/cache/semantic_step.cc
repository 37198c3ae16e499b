#include "cache/semantic_step.h"

namespace reprise {
namespace {

// Below this cosine a neighbour has nothing to do with the prompt, and why it was refused explains
// nothing.
constexpr float kNearCosine = 0.4f;

void NoteRefusal(Decision& decision, const SemanticMatch& refused) {
  if (refused.cosine < kNearCosine) return;
  decision.reason = refused.verdict.reason;
  decision.sentence = refused.verdict.sentence;
  decision.similarity = refused.verdict.similarity;
  decision.cosine = refused.cosine;
  decision.refused = refused.entry->record().id;
}

}  // namespace

PoolFilter FilterFor(const JobState& state, std::int64_t now_ms) {
  // From when the request began: what is made while it waits never becomes too old for it.
  std::optional<std::int64_t> since;
  const ImageRequest& request = *state.job->request;
  if (const auto max_age = request.control.max_age_ms) since = state.begun_ms - *max_age;
  return {.now_ms = now_ms,
          .made_since_ms = since,
          .unreadable = state.unreadable,
          .single = request.seed.has_value()};
}

Task<> SemanticStep::Embed(std::shared_ptr<Job> job) {
  if (job->embedding || job->embedding_failed) co_return;
  job->prompt = Analyze(job->request->prompt);
  // A call that is cut off may outlive the request, not its prompt.
  std::shared_ptr<const Prompt> prompt(job, &job->prompt);
  auto embedding =
      co_await parts_.embedding.Embed(std::move(prompt), parts_.settings.embedding_timeout);
  if (embedding) {
    job->embedding = std::move(*embedding);
    co_return;
  }
  job->embedding_failed = true;
  parts_.embedding.CountExactOnly();
  parts_.stats.CountDegraded(Part::kEmbedding);
}

Task<std::optional<SemanticMatch>> SemanticStep::Find(JobState& state) {
  if (!parts_.settings.semantic || state.own_entry_short) co_return std::nullopt;
  co_await Embed(state.job);
  co_return FindAgain(state);
}

std::optional<SemanticMatch> SemanticStep::FindAgain(JobState& state) const {
  const Job& job = *state.job;
  const bool compares =
      parts_.settings.semantic && !state.own_entry_short && !state.exact_only && !state.exploration;
  if (!compares || !job.embedding) return std::nullopt;
  const Trust::Vetoes vetoes = parts_.trust.VetoesFor(job.request->tenant, job.prompt);
  SemanticResult found = parts_.tier.Find({.partition = job.identity.compatibility,
                                           .prompt = job.prompt,
                                           .embedding = *job.embedding,
                                           .mode = state.mode,
                                           .threshold = state.decision.threshold,
                                           .candidates = parts_.settings.candidates,
                                           .calibration = parts_.settings.calibration,
                                           .objection = [&](const CachedEntry& entry) {
                                             const std::string veto = vetoes.Objection(entry);
                                             return veto.empty() ? Objection(state, entry) : veto;
                                           }});
  if (found.refused) NoteRefusal(state.decision, *found.refused);
  return std::move(found.hit);
}

std::string SemanticStep::Objection(const JobState& state, const CachedEntry& entry) const {
  const ImageRequest& request = *state.job->request;
  const Entry& record = entry.record();
  const PoolFilter filter = FilterFor(state, parts_.clock.NowMs());
  const auto images = UsableImages(entry, filter);
  if (images.empty()) return WhyUnusable(entry, filter);
  if (images.size() < static_cast<std::size_t>(request.count)) {
    return "pool: " + std::to_string(images.size()) + " of " + std::to_string(request.count);
  }
  if (request.size == ImageSize{record.width, record.height}) return "";
  for (const StoredImage* image : images) {
    const ImageSize stored{image->width, image->height};
    if (!CanAnswer(stored, request.size)) {
      return "size: " + ToString(stored) + "/" + ToString(request.size);
    }
  }
  return "";
}

}  // namespace reprise
