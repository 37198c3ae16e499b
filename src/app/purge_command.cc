#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/gateway_client.h"

namespace reprise {
namespace {

using nlohmann::json;

struct PurgeOptions {
  ConfigOptions config;
  std::string url;
  std::vector<std::uint64_t> entries;
  std::optional<std::string> tag, model, name_space, category, prompt;
  std::optional<double> min_similarity;
  std::string older_than;
  bool all = false, dry_run = false, yes = false, as_json = false;
};

Result<json> BodyOf(const PurgeOptions& options) {
  json body = {{"dry_run", !options.yes}, {"all", options.all}};
  if (!options.entries.empty()) body["entries"] = options.entries;
  if (options.tag) body["tag"] = *options.tag;
  if (options.model) body["model"] = *options.model;
  if (options.name_space) body["namespace"] = *options.name_space;
  if (options.category) body["category"] = *options.category;
  if (options.prompt) body["prompt"] = *options.prompt;
  if (options.min_similarity) body["min_similarity"] = *options.min_similarity;
  if (options.older_than.empty()) return body;
  const auto age = ParseDuration(options.older_than);
  if (!age) return std::unexpected(age.error());
  body["older_than"] = std::chrono::duration_cast<std::chrono::seconds>(*age).count();
  return body;
}

void PrintPurge(const json& answer) {
  const json entries = answer.value("entries", json::array());
  for (const json& entry : entries) {
    const std::string similarity = entry.contains("similarity")
                                       ? fmt::format("  {:.3f}", entry["similarity"].get<double>())
                                       : "";
    fmt::print("{:>8}{}  {}\n", entry.value("id", 0u), similarity, entry.value("prompt", ""));
  }
  const auto count = answer.value("count", std::size_t{0});
  if (count > entries.size()) fmt::print("     ...  and {} more\n", count - entries.size());
  const double megabytes = answer.value("bytes", 0.0) / 1e6;
  if (answer.value("dry_run", true)) {
    fmt::print("{} entries, {:.1f} MB, would be removed; add --yes to remove them\n", count,
               megabytes);
  } else {
    fmt::print("{} entries removed, {:.1f} MB\n", count, megabytes);
  }
}

int RunPurge(const PurgeOptions& options) {
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  const auto body = BodyOf(options);
  if (!body) return Report(body.error());
  GatewayClient gateway(*config, GatewayClient::Port::kAdmin, options.url);
  const auto reply = GoodBody(gateway, gateway.PostJson("/v1/purge", *body));
  if (!reply) return Report(reply.error());
  const json answer = json::parse(*reply, nullptr, false);
  if (options.as_json || !answer.is_object()) {
    std::puts(reply->c_str());
  } else {
    PrintPurge(answer);
  }
  return 0;
}

}  // namespace

void AddPurge(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<PurgeOptions>();
  CLI::App* command = root.add_subcommand(
      "purge",
      "Remove stored images from a running gateway: those of which everything named is true. Only "
      "lists them unless --yes is given");
  command->add_option("--entry", options->entries, "These entries (header X-Reprise-Entry)");
  command->add_option("--tag", options->tag, "Stored with this tag");
  command->add_option("--model", options->model, "Made by this model");
  command->add_option("--namespace", options->name_space, "In this namespace (\"\": in none)");
  command->add_option("--category", options->category, "Stored with this category");
  auto* prompt = command->add_option("--prompt", options->prompt, "What would answer this prompt");
  command
      ->add_option("--min-similarity", options->min_similarity,
                   "Instead, what is at least this similar to it (cosine, 0 to 1)")
      ->needs(prompt)
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--older-than", options->older_than,
                      "Whose newest image is older, e.g. 12h or 30d");
  command->add_flag("--all", options->all, "Everything");
  auto* dry_run = command->add_flag("--dry-run", options->dry_run, "Only list them (the default)");
  command->add_flag("--yes", options->yes, "Remove them")->excludes(dry_run);
  command->add_option("--config", options->config.file, "Configuration file");
  command->add_option("--url", options->url, "The gateway (default: the configured address)");
  command->add_flag("--json", options->as_json, "As JSON");
  command->callback([options, &chosen] { chosen = [options] { return RunPurge(*options); }; });
}

}  // namespace reprise
