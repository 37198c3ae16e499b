#include "cache/stored_step.h"

#include <algorithm>

#include "cache/decision_notes.h"

namespace reprise {
namespace {

void NoteExploration(Decision& decision, const SemanticMatch& match) {
  decision.reason = "exploring: " + match.verdict.reason;
  decision.sentence = "a stored image might do, and is compared with a new one (max_error)";
  decision.similarity = match.verdict.similarity;
  decision.cosine = match.cosine;
  decision.refused = match.entry->record().id;
}

}  // namespace

StoredStep::Pool StoredStep::OwnPool(JobState& state) const {
  EntryPtr entry = parts_.table.Find(state.job->identity.fingerprint);
  if (!entry) return {};
  const PoolFilter filter = FilterFor(state, parts_.clock.NowMs());
  auto images = UsableImages(*entry, filter);
  if (!images.empty()) return {std::move(entry), std::move(images)};
  NoteUnusable(state, WhyUnusable(*entry, filter));
  return {};
}

int StoredStep::Shortfall(const JobState& state, const Pool& pool) {
  const int usable = static_cast<int>(pool.images.size());
  return std::max(state.job->request->count - usable, usable < state.variants ? 1 : 0);
}

Decision StoredStep::ExactHit(const JobState& state, const CachedEntry& entry,
                              const std::vector<Pick>& picks) const {
  Decision hit = HitOn(state, entry, picks, HitType::kExact, parts_.clock.NowMs());
  hit.reason = "exact";
  hit.sentence = "the same request was answered before";
  return hit;
}

std::optional<Reply> StoredStep::ExactFromMemory(JobState& state) {
  Pool pool = OwnPool(state);
  if (!pool.entry || Shortfall(state, pool) > 0) return std::nullopt;
  const ImageRequest& request = *state.job->request;
  const auto picks = PickRotating(pool.images, pool.entry->usage(), request.count);
  auto reply = parts_.serving.AllFromMemory(picks, request.delivery, ImageSize{});
  if (!reply) {
    ReturnTurn(pool.entry->usage(), request.count);
    return std::nullopt;
  }
  Decision hit = ExactHit(state, *pool.entry, picks);
  return Served(state, std::move(pool.entry), std::move(*reply), std::move(hit));
}

Task<std::optional<Reply>> StoredStep::TryExact(JobState& state) {
  state.own_entry_short = false;
  // Each failure leaves fewer images to try.
  for (Pool pool = OwnPool(state); pool.entry; pool = OwnPool(state)) {
    if (const int missing = Shortfall(state, pool); missing > 0) {
      NoteShortfall(state, pool.images.size(), missing);
      co_return std::nullopt;
    }
    const int count = state.job->request->count;
    auto picks = PickRotating(pool.images, pool.entry->usage(), count);
    Decision hit = ExactHit(state, *pool.entry, picks);
    auto reply = co_await ServeHit(state, pool.entry, std::move(picks), ImageSize{}, hit);
    if (reply) co_return reply;
  }
  co_return std::nullopt;
}

Task<std::optional<Reply>> StoredStep::TrySemantic(JobState& state) {
  auto found = co_await parts_.semantic.Find(state);
  if (!found) co_return std::nullopt;
  // An equal request has stored it since the exact look.
  if (found->entry->record().fingerprint == state.job->identity.fingerprint) {
    co_return co_await TryExact(state);
  }
  state.exploration = parts_.trust.Decide(*found, *state.job);
  if (state.exploration) {
    NoteExploration(state.decision, *found);
    co_return std::nullopt;
  }
  const ImageRequest& request = *state.job->request;
  const EntryPtr entry = found->entry;
  auto picks = PickRotating(UsableImages(*entry, FilterFor(state, parts_.clock.NowMs())),
                            entry->usage(), request.count);
  // Some may have expired since the neighbour was judged.
  if (picks.size() < static_cast<std::size_t>(request.count)) co_return std::nullopt;
  Decision hit = HitOn(state, *entry, picks, HitType::kSemantic, parts_.clock.NowMs());
  hit.reason = found->verdict.reason;
  hit.sentence = found->verdict.sentence;
  hit.similarity = found->verdict.similarity;
  hit.cosine = found->cosine;
  const ImageSize asked{entry->record().width, entry->record().height};
  const ImageSize wanted = request.size;
  const StoredImage first = picks.front().image;
  auto reply = co_await ServeHit(state, entry, std::move(picks),
                                 wanted == asked ? ImageSize{} : wanted, std::move(hit));
  if (reply) parts_.trust.Served(*found, first, state.job);
  co_return reply;
}

Task<std::optional<Reply>> StoredStep::ServeHit(JobState& state, EntryPtr entry,
                                                std::vector<Pick> picks, ImageSize size,
                                                Decision hit) {
  auto reply = co_await ServeAll(state, std::move(picks), size);
  if (!reply) co_return std::nullopt;
  co_return Served(state, std::move(entry), std::move(*reply), std::move(hit));
}

Reply StoredStep::Served(JobState& state, EntryPtr entry, Reply reply, Decision hit) {
  reply.created_ms = parts_.clock.NowMs() - hit.age_ms;
  parts_.library.CountUse(std::move(entry));
  state.decision = std::move(hit);
  return reply;
}

Task<Result<Reply>> StoredStep::ServeAll(JobState& state, std::vector<Pick> picks, ImageSize size) {
  std::vector<std::string> ids;
  for (const Pick& pick : picks) ids.push_back(pick.image.id);
  auto reply =
      co_await parts_.serving.ServeAll(std::move(picks), state.job->request->delivery, size);
  if (reply) co_return reply;
  const bool all_known = std::ranges::all_of(
      ids, [&](const auto& id) { return parts_.table.FindImage(id).has_value(); });
  if (all_known) state.unreadable.insert(state.unreadable.end(), ids.begin(), ids.end());
  co_return reply;
}

}  // namespace reprise
