#include "cache/semantic_step.h"

#include "base/log.h"

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
  return {.now_ms = now_ms,
          .max_age_ms = state.job->request->control.max_age_ms,
          .unreadable = state.unreadable};
}

Task<> SemanticStep::Embed(Job& job) {
  if (job.embedding || job.embedding_failed) co_return;
  job.prompt = Analyze(job.request->prompt);
  auto embedding = co_await parts_.embedder.Embed(job.prompt);
  if (embedding) {
    job.embedding = std::move(*embedding);
    co_return;
  }
  job.embedding_failed = true;
  parts_.stats.CountDegraded();
  log::warn("embedding failed, exact matching only: {}", embedding.error().message);
}

Task<std::optional<SemanticMatch>> SemanticStep::Find(JobState& state) {
  if (!parts_.settings.semantic || state.own_entry_short) co_return std::nullopt;
  co_await Embed(*state.job);
  const Job& job = *state.job;
  if (job.request->control.exact_only || !job.embedding) co_return std::nullopt;
  SemanticResult found = parts_.tier.Find(
      {.partition = job.identity.compatibility,
       .prompt = job.prompt,
       .embedding = *job.embedding,
       .mode = state.mode,
       .threshold = state.decision.threshold,
       .candidates = parts_.settings.candidates,
       .objection = [&](const CachedEntry& entry) { return Objection(state, entry); }});
  if (found.refused) NoteRefusal(state.decision, *found.refused);
  co_return std::move(found.hit);
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
    if (!CanResize(stored, request.size)) {
      return "size: " + ToString(stored) + "/" + ToString(request.size);
    }
  }
  return "";
}

}  // namespace reprise
