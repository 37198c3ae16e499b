#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "app/commands.h"
#include "app/embedder_factory.h"
#include "app/tsv.h"
#include "base/json.h"
#include "cache/judgement.h"
#include "embed/embedder.h"
#include "prompt/verifier.h"

namespace reprise {
namespace {

using nlohmann::json;

struct ExplainOptions {
  ConfigOptions config;
  std::string a, b;
  std::string pairs;
  std::optional<double> threshold;
  std::string match;
  bool as_json = false;
};

struct Explanation {
  bool hit = false;
  double cosine = 0;
  double threshold = 0;
  Verdict verdict;
};

class Explainer {
 public:
  static Result<std::unique_ptr<Explainer>> Make(const Config& config) {
    std::unique_ptr<Explainer> explainer(new Explainer(config.cache));
    auto embedder = MakeEmbedder(config.embedder, explainer->runtime_.parts());
    if (!embedder) return std::unexpected(embedder.error());
    explainer->embedder_ = std::move(*embedder);
    return explainer;
  }

  // Fails when the embedder does.
  Result<Explanation> Explain(const std::string& a, const std::string& b) {
    const Prompt first = Analyze(a), second = Analyze(b);
    Explanation explanation{.threshold = settings_.similarity_threshold};
    const auto x = RunTask(runtime_.context(), embedder_->Embed(first));
    if (!x) return std::unexpected(x.error());
    const auto y = RunTask(runtime_.context(), embedder_->Embed(second));
    if (!y) return std::unexpected(y.error());
    explanation.cosine = std::inner_product(x->begin(), x->end(), y->begin(), 0.0);
    explanation.verdict =
        JudgePair(*verifier_, {.asked = second, .stored = first, .cosine = explanation.cosine},
                  {.mode = settings_.match_mode, .calibration = settings_.calibration});
    explanation.hit = IsHit(explanation.verdict, settings_.similarity_threshold);
    return explanation;
  }

 private:
  explicit Explainer(const CacheSettings& settings)
      : settings_(settings), verifier_(MakeLexicalVerifier()) {}

  const CacheSettings settings_;
  const std::unique_ptr<Verifier> verifier_;
  EmbedderRuntime runtime_;
  std::unique_ptr<Embedder> embedder_;
};

json ToJson(const Explanation& explanation) {
  return {{"decision", explanation.hit ? "hit" : "miss"},
          {"similarity", explanation.verdict.similarity},
          {"cosine", explanation.cosine},
          {"threshold", explanation.threshold},
          {"reason", explanation.verdict.reason},
          {"sentence", explanation.verdict.sentence}};
}

void PrintJsonLine(const json& line) {
  std::puts(DumpJson(line).c_str());
}

void PrintText(const Explanation& explanation) {
  fmt::print("{}  similarity {:.3f} (threshold {:g}), cosine {:.3f}\n{}: {}\n",
             explanation.hit ? "hit" : "miss", explanation.verdict.similarity,
             explanation.threshold, explanation.cosine, explanation.verdict.reason,
             explanation.verdict.sentence);
}

// The last two columns are the prompts; earlier ones are echoed.
int ExplainPairs(const ExplainOptions& options, Explainer& explainer) {
  auto lines = ReadTsv(options.pairs);
  if (!lines) return Report(lines.error());
  for (TsvLine& line : *lines) {
    auto& columns = line.columns;
    if (columns.size() < 2) {
      return Report(
          TsvError(options.pairs, line, "expected two prompts with a tab between").error());
    }
    const std::string b = std::move(columns.back());
    columns.pop_back();
    const std::string a = std::move(columns.back());
    columns.pop_back();
    const auto explained = explainer.Explain(a, b);
    if (!explained) return Report(explained.error());
    const Explanation& explanation = *explained;
    if (options.as_json) {
      json object = ToJson(explanation);
      object["columns"] = columns;
      object["a"] = a;
      object["b"] = b;
      PrintJsonLine(object);
    } else {
      fmt::print("{}\t{:.3f}\t{:.3f}\t{}\t{}\t{}\n", explanation.hit ? "hit" : "miss",
                 explanation.verdict.similarity, explanation.cosine, explanation.verdict.reason, a,
                 b);
    }
  }
  return 0;
}

int Explain(const ExplainOptions& options) {
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  if (options.threshold) config->cache.similarity_threshold = *options.threshold;
  if (!options.match.empty()) {
    config->cache.match_mode = options.match == "off"    ? MatchMode::kOff
                               : options.match == "hard" ? MatchMode::kHard
                                                         : MatchMode::kSafe;
  }
  const auto explainer = Explainer::Make(*config);
  if (!explainer) return Report(explainer.error());
  if (!options.pairs.empty()) return ExplainPairs(options, **explainer);
  if (options.a.empty() || options.b.empty()) {
    return Report(Error{Code::kInvalidArgument, "give two prompts, or --pairs FILE.tsv"});
  }
  const auto explanation = (*explainer)->Explain(options.a, options.b);
  if (!explanation) return Report(explanation.error());
  if (options.as_json) {
    PrintJsonLine(ToJson(*explanation));
  } else {
    PrintText(*explanation);
  }
  return 0;
}

}  // namespace

void AddExplain(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = root.add_subcommand(
      "explain", "Say whether the image of prompt A would answer prompt B, and why");
  command->add_option("A", options->a, "The prompt whose image is stored");
  command->add_option("B", options->b, "The prompt that is asked");
  command->add_option("--pairs", options->pairs,
                      "A file of pairs: the last two tab-separated columns are the prompts");
  command->add_option("--threshold", options->threshold, "Instead of the configured one")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--match", options->match, "Instead of the configured verification")
      ->check(CLI::IsMember({"safe", "hard", "off"}));
  command->add_flag("--json", options->as_json, "One JSON object a line");
  command->add_option("--config", options->config.file, "Configuration file");
  command->callback([options, &chosen] { chosen = [options] { return Explain(*options); }; });
}

}  // namespace reprise
