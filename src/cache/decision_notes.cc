#include "cache/decision_notes.h"

#include <algorithm>

namespace reprise {
namespace {

std::int64_t TtlOf(const Fresh& fresh) {
  const std::int64_t expires = fresh.images.front().image.expires_ms;
  return expires == 0 ? 0 : expires - fresh.created_ms;
}

int ImagesSaved(const JobState& state) {
  return std::max(0, state.job->request->count - state.images_made);
}

}  // namespace

Decision HitOn(const JobState& state, const CachedEntry& entry, const std::vector<Pick>& picks,
               HitType type, std::int64_t now_ms) {
  Decision hit = state.decision;
  hit.outcome = Outcome::kHit;
  hit.type = type;
  hit.entry = entry.record().id;
  hit.refused = 0;
  hit.similarity.reset();
  hit.cosine.reset();
  for (const Pick& pick : picks) {
    hit.age_ms = std::max(hit.age_ms, now_ms - pick.image.created_ms);
    const std::int64_t expires = pick.image.expires_ms;
    if (expires != 0) {
      hit.ttl_ms = std::min(hit.ttl_ms == 0 ? expires : hit.ttl_ms, expires - now_ms);
    }
  }
  hit.saved_usd = entry.record().cost_usd * ImagesSaved(state);
  return hit;
}

void NoteUnusable(JobState& state, std::string why) {
  state.decision.sentence = "this very prompt is stored, but " + why;
  state.decision.reason = std::move(why);
}

void NoteShortfall(JobState& state, std::size_t pool, int missing) {
  state.own_entry_short = true;
  state.decision.reason =
      "pool: " + std::to_string(pool) + " of " + std::to_string(static_cast<int>(pool) + missing);
  state.decision.sentence = "fewer images are stored than wanted";
}

void NoteFresh(Decision& decision, const Fresh& fresh) {
  decision.stored = fresh.entry != nullptr;
  decision.store_error = fresh.store_error;
  decision.upstream = fresh.upstream;
  if (!fresh.entry) return;
  decision.entry = fresh.entry->record().id;
  decision.ttl_ms = TtlOf(fresh);
}

void NoteAlone(Decision& decision, const ImageRequest& request) {
  if (request.fresh_seed) {
    decision.outcome = Outcome::kBypass;
    decision.reason = "seed -1";
    decision.sentence = "the caller asked for a new image";
  } else if (request.control.no_cache && request.control.no_store) {
    decision.outcome = Outcome::kBypass;
    decision.reason = "no-cache, no-store";
    decision.sentence = "the caller asked for a new image that replaces nothing";
  } else if (request.control.no_cache) {
    decision.outcome = Outcome::kRefresh;
    decision.reason = "no-cache";
    decision.sentence = "the caller asked for a new image instead of what is stored";
  }
}

void NoteLeader(JobState& state, const Fresh& fresh) {
  NoteFresh(state.decision, fresh);
  state.decision.saved_usd = fresh.image_cost_usd * ImagesSaved(state);
}

void NoteJoiner(Decision& decision, const Fresh& fresh, int count) {
  decision.outcome = Outcome::kHit;
  decision.type = HitType::kInflight;
  decision.reason = "in flight";
  decision.sentence = "the same request was being answered already";
  decision.entry = fresh.entry ? fresh.entry->record().id : 0;
  decision.refused = 0;
  decision.similarity.reset();
  decision.cosine.reset();
  decision.saved_usd = fresh.image_cost_usd * count;
  decision.ttl_ms = TtlOf(fresh);
}

void NoteMatch(Decision& decision, const Verdict& verdict, float cosine) {
  decision.reason = verdict.reason;
  decision.sentence = verdict.sentence;
  decision.similarity = verdict.similarity;
  decision.cosine = cosine;
}

}  // namespace reprise
