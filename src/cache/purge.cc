#include "cache/purge.h"

#include <algorithm>

#include "cache/identity.h"
#include "cache/judgement.h"
#include "index/inner_product.h"

namespace reprise {
namespace {

std::int64_t NewestImage(const Entry& entry) {
  std::int64_t newest = 0;
  for (const StoredImage& image : entry.images) newest = std::max(newest, image.created_ms);
  return newest;
}

bool Contains(const auto& range, const auto& value) {
  return std::ranges::find(range, value) != range.end();
}

}  // namespace

bool Selects(const PurgeSelector& selector, const Entry& entry, std::int64_t now_ms) {
  if (TenantOf(entry.scope) != selector.tenant) return false;
  if (!selector.entries.empty() && !Contains(selector.entries, entry.id)) return false;
  if (selector.tag && !Contains(entry.tags, *selector.tag)) return false;
  if (selector.model && entry.model != *selector.model) return false;
  if (selector.category && entry.category != *selector.category) return false;
  if (selector.name_space && NamespaceOf(entry.scope) != *selector.name_space) return false;
  return !selector.older_than_ms || now_ms - NewestImage(entry) > *selector.older_than_ms;
}

// The selector's prompt, ready to be compared.
struct Purge::Question {
  std::shared_ptr<const Prompt> prompt;
  std::string text;
  std::vector<Half> vector;
  InnerProduct cosine;
  std::optional<double> min_similarity;
};

Task<Result<std::vector<Purged>>> Purge::Find(PurgeSelector selector) {
  const std::int64_t now = parts_.clock.NowMs();
  std::vector<Purged> found;
  Candidates candidates;
  for (const EntryPtr& entry : parts_.table.All()) {
    if (!Selects(selector, entry->record(), now)) continue;
    if (selector.prompt) {
      candidates.emplace(entry->record().id, entry);
    } else {
      found.push_back({entry, std::nullopt});
    }
  }
  if (selector.prompt) {
    co_return co_await FindByPrompt(std::move(selector), std::move(candidates));
  }
  std::ranges::sort(found, {}, [](const Purged& purged) { return purged.entry->record().id; });
  co_return found;
}

Task<Result<std::vector<Purged>>> Purge::FindByPrompt(PurgeSelector selector,
                                                      Candidates candidates) {
  auto prompt = std::make_shared<const Prompt>(Analyze(*selector.prompt));
  const auto embedding = co_await parts_.embedding.Embed(prompt, parts_.settings.request_timeout);
  if (!embedding) co_return std::unexpected(embedding.error());
  auto question =
      std::make_shared<const Question>(Question{.prompt = prompt,
                                                .text = *selector.prompt,
                                                .vector = ToHalf(*embedding),
                                                .cosine = InnerProduct(embedding->size()),
                                                .min_similarity = selector.min_similarity});
  auto work = [this, question, candidates = std::move(candidates)] {
    return Compare(*question, candidates);
  };
  co_return co_await parts_.workers.Run(std::move(work));
}

// The vectors are read from the store: an index finds the nearest ones only.
Result<std::vector<Purged>> Purge::Compare(const Question& question,
                                           const Candidates& candidates) const {
  std::vector<Purged> found;
  const auto read = parts_.entries.ForEach([&](Entry&& entry, StoredVector&& vector) {
    const auto candidate = candidates.find(entry.id);
    if (candidate == candidates.end()) return;
    if (const auto similarity = Similarity(question, entry, vector)) {
      found.push_back({candidate->second, similarity});
    }
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

// Nothing: not similar enough. An entry without a vector of the present embedder is compared by its
// text alone.
std::optional<double> Purge::Similarity(const Question& question, const Entry& entry,
                                        const StoredVector& vector) const {
  if (entry.prompt == question.text) return 1.0;
  const bool comparable =
      vector.embedder == parts_.embedder && vector.values.size() == question.vector.size();
  if (!comparable) return std::nullopt;
  const double cosine = question.cosine(question.vector.data(), vector.values.data());
  if (question.min_similarity) {
    const double similarity = std::clamp(cosine, 0.0, 1.0);
    return similarity >= *question.min_similarity ? std::optional(similarity) : std::nullopt;
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
  for (const Purged& purged : *found) ids.push_back(purged.entry->record().id);
  auto wanted = [selector = std::move(selector), now = parts_.clock.NowMs()](const Entry& entry) {
    return Selects(selector, entry, now);
  };
  const auto removed = co_await parts_.library.RemoveEntries(std::move(ids), std::move(wanted));
  if (!removed) co_return std::unexpected(removed.error());
  std::erase_if(
      *found, [&](const Purged& purged) { return !removed->contains(purged.entry->record().id); });
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
