#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/gateway_client.h"

namespace reprise {
namespace {

using nlohmann::json;

struct FeedbackOptions {
  ConfigOptions config;
  std::string url;
  std::uint64_t entry = 0;
  std::string prompt, note;
  std::string same, review;  // "yes", "no" or empty
  std::size_t limit = 50;
  bool as_json = false;
};

void PrintList(const json& list) {
  for (const json& item : list.value("data", json::array())) {
    fmt::print("{:>6}  entry {:<6} {}  {}\n{:>22}{}\n", item.value("id", 0u),
               item.value("entry", 0u), item.value("same", false) ? "same     " : "different",
               item.value("prompt", ""), "", item.value("entry_prompt", ""));
  }
  const json in_review = list.value("in_review", json::array());
  if (!in_review.empty()) fmt::print("in review: {}\n", in_review.dump());
}

json BodyOf(const FeedbackOptions& options) {
  json body = {{"entry", options.entry}};
  if (!options.prompt.empty()) body["prompt"] = options.prompt;
  if (!options.same.empty()) body["same"] = options.same == "yes";
  if (!options.review.empty()) body["review"] = options.review == "yes";
  if (!options.note.empty()) body["note"] = options.note;
  return body;
}

int RunFeedback(const FeedbackOptions& options) {
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  GatewayClient gateway(*config, GatewayClient::Port::kAdmin, options.url);
  const bool list = options.entry == 0;
  auto response = list ? gateway.Get("/v1/feedback?limit=" + std::to_string(options.limit))
                       : gateway.PostJson("/v1/feedback", BodyOf(options));
  const auto reply = GoodBody(gateway, std::move(response));
  if (!reply) return Report(reply.error());
  const json answer = json::parse(*reply, nullptr, false);
  if (options.as_json || !answer.is_object()) {
    std::puts(reply->c_str());
  } else if (list) {
    PrintList(answer);
  } else {
    fmt::print("noted; entry {} is {}in review\n", options.entry,
               answer.value("in_review", false) ? "" : "not ");
  }
  return 0;
}

}  // namespace

void AddFeedback(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<FeedbackOptions>();
  CLI::App* command = root.add_subcommand(
      "feedback",
      "Tell a running gateway whether an entry's picture answers a prompt, or list that");
  command->add_option("entry", options->entry,
                      "The entry (header X-Reprise-Entry); without it, list what was said");
  command->add_option("prompt", options->prompt, "What was asked for");
  command->add_option("--same", options->same, "Whether the picture answers it")
      ->check(CLI::IsMember({"yes", "no"}));
  command->add_option("--review", options->review, "Put the entry into review, or take it out")
      ->check(CLI::IsMember({"yes", "no"}));
  command->add_option("--note", options->note, "Why");
  command->add_option("--limit", options->limit, "How many to list")->check(CLI::Range(1, 1000));
  command->add_option("--config", options->config.file, "Configuration file");
  command->add_option("--url", options->url, "The gateway (default: the configured address)");
  command->add_flag("--json", options->as_json, "As JSON");
  command->callback([options, &chosen] { chosen = [options] { return RunFeedback(*options); }; });
}

}  // namespace reprise
