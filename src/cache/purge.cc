#include "cache/purge.h"

#include <algorithm>

#include "cache/identity.h"
#include "cache/judgement.h"
#include "index/inner_product.h"

namespace reprise {
namespace {

std::uint64_t IdOf(const Purged& purged) {
  return purged.entry->record().id;
}

bool Contains(const auto& range, const auto& value) {
  return std::ranges::find(range, value) != range.end();
}

}  // namespace

bool Selects(const PurgeSelector& selector, const Entry& entry, std::int64_t now_ms) {
  if (!selector.entries.empty() && !selector.entries.contains(entry.id)) return false;
  if (selector.tag && !Contains(entry.tags, *selector.tag)) return false;
  if (selector.model && entry.model != *selector.model) return false;
  if (selector.category && entry.category != *selector.category) return false;
  if (selector.older_than_ms && now_ms - NewestImage(entry) <= *selector.older_than_ms)
    return false;
  if (TenantOf(entry.scope) != selector.tenant) return false;
  return !selector.name_space || NamespaceOf(entry.scope) == *selector.name_space;
}

// A selector, and its prompt ready to be compared.
struct Purge::Question {
  PurgeSelector selector;
  std::int64_t now_ms = 0;
  std::shared_ptr<const Prompt> prompt;
  std::vector<Half> vector;
  std::optional<InnerProduct> cosine;  // none: the selector has no prompt
};

Task<Result<std::vector<Purged>>> Purge::Find(PurgeSelector selector) {
  auto question = std::make_shared<Question>();
  question->now_ms = parts_.clock.NowMs();
  if (selector.prompt) {
    question->prompt = std::make_shared<const Prompt>(Analyze(*selector.prompt));
    const auto vector =
        co_await parts_.embedding.Embed(question->prompt, parts_.settings.request_timeout);
    if (!vector) co_return std::unexpected(vector.error());
    question->vector = ToHalf(*vector);
    question->cosine.emplace(vector->size());
  }
  question->selector = std::move(selector);
  auto work = [this, question] { return Scan(*question); };
  co_return co_await parts_.workers.Run(std::move(work));
}

Result<std::vector<Purged>> Purge::Scan(const Question& question) const {
  std::vector<Purged> found;
  for (EntryPtr& entry : parts_.table.All()) {
    if (!Selects(question.selector, entry->record(), question.now_ms)) continue;
    found.push_back({std::move(entry), std::nullopt});
  }
  std::ranges::sort(found, {}, IdOf);
  if (!question.cosine) return found;
  return Compare(question, std::move(found));
}

// The vectors are read from the store: an index finds the nearest ones only. `found` is in order of
// id.
Result<std::vector<Purged>> Purge::Compare(const Question& question,
                                           std::vector<Purged> found) const {
  const auto read = parts_.entries.ForEach([&](Entry&& entry, StoredVector&& vector) {
    const auto candidate = std::ranges::lower_bound(found, entry.id, {}, IdOf);
    if (candidate == found.end() || IdOf(*candidate) != entry.id) return;
    candidate->similarity = Similarity(question, entry, vector);
  });
  if (!read) return std::unexpected(read.error());
  std::erase_if(found, [](const Purged& purged) { return !purged.similarity; });
  return found;
}

// Nothing: not similar enough. An entry without a vector of the present embedder is compared by its
// text alone.
std::optional<double> Purge::Similarity(const Question& question, const Entry& entry,
                                        const StoredVector& vector) const {
  if (entry.prompt == question.selector.prompt) return 1.0;
  const bool comparable =
      vector.embedder == parts_.embedder && vector.values.size() == question.vector.size();
  if (!comparable) return std::nullopt;
  const double cosine = (*question.cosine)(question.vector.data(), vector.values.data());
  if (const auto least = question.selector.min_similarity) {
    const double similarity = std::clamp(cosine, 0.0, 1.0);
    return similarity >= *least ? std::optional(similarity) : std::nullopt;
  }
  const MatchRule rule{parts_.settings.match_mode, parts_.settings.calibration};
  const Prompt stored = Analyze(entry.prompt);
  const Verdict verdict = JudgePair(parts_.verifier, {*question.prompt, stored, cosine}, rule);
  if (!IsHit(verdict, parts_.settings.similarity_threshold)) return std::nullopt;
  return verdict.similarity;
}

Task<Result<std::vector<Purged>>> Purge::Run(PurgeSelector selector) {
  auto found = co_await Find(selector);
  if (!found) co_return found;
  std::vector<std::uint64_t> ids;
  for (const Purged& purged : *found) ids.push_back(IdOf(purged));
  auto wanted = [selector = std::move(selector), now = parts_.clock.NowMs()](const Entry& entry) {
    return Selects(selector, entry, now);
  };
  const auto removed = co_await parts_.library.RemoveEntries(std::move(ids), std::move(wanted));
  if (!removed) co_return std::unexpected(removed.error());
  std::erase_if(*found, [&](const Purged& purged) { return !removed->contains(IdOf(purged)); });
  co_return found;
}

Task<Result<void>> Purge::Remove(std::string tenant, std::uint64_t id) {
  auto wanted = [tenant = std::move(tenant)](const Entry& entry) {
    return TenantOf(entry.scope) == tenant;
  };
  const auto removed = co_await parts_.library.RemoveEntries({id}, std::move(wanted));
  if (!removed) co_return std::unexpected(removed.error());
  if (removed->empty()) {
    co_return Fail(Code::kNotFound,
                   "there is no entry " + std::to_string(id) +
                       "; the header X-Reprise-Entry of a reply names the one that answered",
                   "id");
  }
  co_return Result<void>();
}

}  // namespace reprise
