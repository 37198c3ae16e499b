#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/gateway_client.h"

namespace reprise {
namespace {

using nlohmann::json;

struct StatsOptions {
  ConfigOptions config;
  std::string url;
  bool as_json = false;
};

// What needs an operator's eye: nothing when all is well.
void PrintEmbedding(const json& stats) {
  const json embedding = stats.value("embedding", json::object());
  const json background = stats.value("reembedding", json::object());
  const auto count = [](const json& from, const char* key) {
    return from.value(key, std::uint64_t{0});
  };
  const auto total = count(background, "total"), done = count(background, "done"),
             failed = count(background, "failed");
  if (done + failed < total || failed > 0) {
    fmt::print("embedding stored prompts with {}: {} of {} done, {} failed\n",
               background.value("embedder", ""), done, total, failed);
  }
  if (count(embedding, "exact_only_requests") > 0) {
    fmt::print("{} requests were matched exactly only: {} embedding errors, {} timeouts\n",
               count(embedding, "exact_only_requests"), count(embedding, "errors"),
               count(embedding, "timeouts"));
  }
}

void PrintStats(const json& stats) {
  const json& requests = stats["requests"];
  const json& latency = stats["latency_ms"];
  // A key that is no admin's gets what concerns its tenant.
  if (stats.contains("tenant")) fmt::print("tenant {}: ", stats.value("tenant", ""));
  fmt::print("{} requests, {:.1f} % answered from the cache",
             requests["total"].get<std::uint64_t>(), stats["hit_rate"].get<double>() * 100);
  if (stats.contains("entries")) {
    fmt::print("; {} entries stored", stats["entries"].get<std::uint64_t>());
  }
  std::puts("");
  fmt::print("saved ${:.2f}, spent ${:.2f} in {} upstream calls ({} failed)\n\n",
             stats["saved_usd"].get<double>(), stats["spent_usd"].get<double>(),
             stats["upstream"]["calls"].get<std::uint64_t>(),
             stats["upstream"]["errors"].get<std::uint64_t>());
  fmt::print("{:<10}{:>10}{:>12}{:>12}\n", "result", "requests", "p50 ms", "p99 ms");
  for (const char* kind : {"exact", "semantic", "inflight", "miss", "bypass", "refresh"}) {
    fmt::print("{:<10}{:>10}{:>12.2f}{:>12.2f}\n", kind, requests[kind].get<std::uint64_t>(),
               latency[kind]["p50"].get<double>(), latency[kind]["p99"].get<double>());
  }
  fmt::print("{:<10}{:>10}\n", "error", requests["error"].get<std::uint64_t>());
  PrintEmbedding(stats);
}

std::string Bytes(std::uint64_t bytes) {
  const double mb = static_cast<double>(bytes) / (1 << 20);
  return mb < 1024 ? fmt::format("{:.1f} MB", mb) : fmt::format("{:.1f} GB", mb / 1024);
}

// Gateways older than this program have no such members.
void PrintStorage(const json& stats) {
  if (!stats.contains("storage")) return;
  const auto count = [&stats](const char* section, const char* key) {
    return stats.value(section, json::object()).value(key, std::uint64_t{0});
  };
  const auto of = [](std::uint64_t limit, std::string text) {
    return limit == 0 ? std::string() : " of " + text;
  };
  const auto max_bytes = count("storage", "max_bytes"), most = count("storage", "max_entries");
  fmt::print("stored: {}{} in {}{} entries\n", Bytes(count("storage", "bytes")),
             of(max_bytes, Bytes(max_bytes)), count("storage", "entries"),
             of(most, std::to_string(most)));
  fmt::print(
      "removed images: {} expired, {} over max_bytes, {} over max_entries, {} for free disk\n",
      count("removed_images", "expired"), count("removed_images", "bytes"),
      count("removed_images", "entries"), count("removed_images", "disk"));
  const auto disk = count("images_not_stored", "disk"), full = count("images_not_stored", "full"),
             error = count("images_not_stored", "error");
  if (disk + full + error > 0) {
    fmt::print("images not stored: {} for want of free disk, {} of room, {} after errors\n", disk,
               full, error);
  }
}

void PrintUpstreams(const json& stats) {
  const json upstreams = stats.value("upstreams", json::array());
  if (upstreams.empty()) return;
  fmt::print("\n{:<16}{:>10}{:>10}{:>10}{:>12}{:>10}{:>12}\n", "upstream", "breaker", "calls",
             "errors", "median ms", "waiting", "spent");
  for (const json& one : upstreams) {
    fmt::print("{:<16}{:>10}{:>10}{:>10}{:>12.0f}{:>10}{:>12}\n", one.value("name", ""),
               one.value("breaker", ""), one.value("calls", 0u), one.value("errors", 0u),
               one.value("median_ms", 0.0), one.value("waiting", 0u),
               fmt::format("${:.2f}", one.value("spent_usd", 0.0)));
  }
}

void PrintBudgets(const json& stats) {
  const json budget = stats.value("budget", json::object());
  if (budget.contains("total")) {
    fmt::print("budget of all tenants: ${:.2f} of ${:.2f} spent today\n",
               budget["total"].value("spent_usd", 0.0), budget["total"].value("budget_usd", 0.0));
  }
  const json tenants = budget.value("tenants", json::object());
  for (const auto& [tenant, today] : tenants.items()) {
    const double limit = today.value("budget_usd", 0.0);
    if (limit == 0) continue;
    fmt::print("budget of {}: ${:.2f} of ${:.2f} spent today\n", tenant,
               today.value("spent_usd", 0.0), limit);
  }
}

// Gateways older than this program have no such members.
void PrintTrust(const json& stats) {
  if (stats.contains("tenant")) return;
  const json feedback = stats.value("feedback", json::object());
  const json bound = stats.value("error_bound", json::object());
  const json audit = stats.value("audit", json::object());
  fmt::print("\nfeedback: {} pairs are different, {} the same; {} entries in review\n",
             feedback.value("different", 0u), feedback.value("same", 0u),
             feedback.value("in_review", 0u));
  if (bound.value("served", 0u) + bound.value("explored", 0u) > 0) {
    fmt::print(
        "bound on errors {:g}: {} neighbours served, {} explored, {} of {} labels different\n",
        bound.value("max_error", 0.0), bound.value("served", 0u), bound.value("explored", 0u),
        bound.value("different", 0u), bound.value("labels", 0u));
  }
  if (audit.value("share", 0.0) > 0 || audit.value("sampled", 0u) > 0) {
    fmt::print("audit: {} hits sampled, {} judged, {} different; ${:.2f} of ${:.2f} spent today\n",
               audit.value("sampled", 0u), audit.value("judged", 0u), audit.value("different", 0u),
               audit.value("spent_usd", 0.0), audit.value("budget_usd", 0.0));
  }
  if (audit.contains("false_hit_rate") && audit["false_hit_rate"].is_number()) {
    fmt::print("false hits {:.1f} % (95 % interval {:.1f} % to {:.1f} %), judged by {}\n",
               audit["false_hit_rate"].get<double>() * 100,
               audit["interval"][0].get<double>() * 100, audit["interval"][1].get<double>() * 100,
               audit.value("judge", ""));
  }
}

int Stats(const StatsOptions& options) {
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  GatewayClient gateway(*config, GatewayClient::Port::kAdmin, options.url);
  const auto reply = GoodBody(gateway, gateway.Get("/v1/stats"));
  if (!reply) return Report(reply.error());
  if (options.as_json) {
    std::fputs(reply->c_str(), stdout);
    return 0;
  }
  const json stats = json::parse(*reply, nullptr, false);
  if (!stats.is_object() || !stats.contains("requests")) {
    return Report(Error{Code::kInternal, gateway.url() + "/v1/stats is not Reprise's"});
  }
  PrintStats(stats);
  PrintStorage(stats);
  PrintUpstreams(stats);
  PrintBudgets(stats);
  PrintTrust(stats);
  return 0;
}

}  // namespace

void AddStats(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App* command =
      root.add_subcommand("stats", "Show what a running gateway has done and saved");
  command->add_option("--config", options->config.file, "Configuration file");
  command->add_option("--url", options->url, "The gateway (default: the configured address)");
  command->add_flag("--json", options->as_json, "As JSON");
  command->callback([options, &chosen] { chosen = [options] { return Stats(*options); }; });
}

}  // namespace reprise
