#include "cache/cache_report.h"

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

nlohmann::json ToJson(const UpstreamStatus& upstream) {
  return {{"name", upstream.name},           {"breaker", upstream.breaker},
          {"under_way", upstream.under_way}, {"waiting", upstream.waiting},
          {"calls", upstream.calls},         {"errors", upstream.errors},
          {"hedges", upstream.hedges},       {"median_ms", upstream.median_ms},
          {"spent_usd", upstream.spent_usd}};
}

}  // namespace

nlohmann::json CacheReport::All(const UnderWay& under_way) const {
  nlohmann::json stats = parts_.stats.ToJson();
  stats["entries"] = parts_.table.size();
  AddStorage(stats);
  stats["vectors"] = parts_.semantic.vectors();
  stats["partitions"] = parts_.semantic.partitions();
  stats["index_bytes"] = parts_.semantic.memory_bytes();
  stats["hot_bytes"] = parts_.library.hot().size_bytes();
  stats["generations_under_way"] = under_way.generations;
  stats["requests_waiting"] = under_way.waiting;
  stats["embedder"] = parts_.embedder;
  stats["embedding"] = parts_.embedding.ToJson();
  stats["reembedding"] = parts_.reembedding.ToJson();
  stats["indexing"] = under_way.indexing;
  AddUpstreams(stats);
  parts_.trust.AddStats(stats);
  return stats;
}

nlohmann::json CacheReport::Of(const std::string& tenant) const {
  nlohmann::json stats = parts_.tenants.ToJson(tenant);
  if (!parts_.budget) return stats;
  const nlohmann::json budget = parts_.budget->ToJson();
  const auto found = budget["tenants"].find(tenant);
  if (found != budget["tenants"].end()) stats["budget"] = *found;
  return stats;
}

void CacheReport::AddStorage(nlohmann::json& stats) const {
  nlohmann::json& storage = stats["storage"] = parts_.evictor.ToJson();
  const std::string error = parts_.stats.store_error();
  storage["error"] = error.empty() ? nlohmann::json() : nlohmann::json(error);
  storage["sync_errors"] = parts_.sync_errors ? parts_.sync_errors->load() : 0;
  storage["checking"] = parts_.leaks.under_way() > 0;
  storage["leaks_removed"] = parts_.leaks.removed();
}

void CacheReport::AddUpstreams(nlohmann::json& stats) const {
  stats["upstream"]["name"] = parts_.upstream.name();
  auto list = nlohmann::json::array();
  double discarded_usd = 0;
  for (const UpstreamStatus& upstream : parts_.upstream.Status()) {
    discarded_usd += upstream.discarded_usd;
    list.push_back(ToJson(upstream));
  }
  stats["upstreams"] = std::move(list);
  stats["spent_usd"] = stats["spent_usd"].get<double>() + discarded_usd;
  if (parts_.budget) stats["budget"] = parts_.budget->ToJson();
}

}  // namespace reprise
