#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/embedder_factory.h"
#include "app/eval_calibrate.h"
#include "app/eval_plot.h"
#include "app/eval_report.h"
#include "app/eval_stream.h"
#include "app/progress_line.h"
#include "app/service.h"
#include "app/upstream_factory.h"
#include "base/io_threads.h"
#include "base/json.h"

namespace reprise {
namespace {

using nlohmann::json;

struct EvalOptions {
  ConfigOptions config;
  std::string pairs, stream;
  bool calibrate = false;
  std::string mode;
  std::optional<double> threshold;
  double max_error = 0.02;
  std::optional<double> min_recall, max_false_hits;
  bool show_errors = false, show_hits = false, as_json = false;
  std::string scores, plot, write_pairs;
};

// What the gateway would be built with.
Result<StreamParts> PartsOf(const Config& config, EmbedderRuntime& runtime) {
  auto embedder = MakeEmbedder(config.embedder, runtime.parts());
  if (!embedder) return std::unexpected(embedder.error());
  return StreamParts{.settings = config.cache,
                     .embedder = std::move(*embedder),
                     .verifier = MakeLexicalVerifier(),
                     .prices = PricesOf(config)};
}

int Usage(const std::string& message) {
  return Report(Error{Code::kInvalidArgument, message});
}

void PrintJson(const json& object) {
  std::puts(DumpJson(object, 2).c_str());
}

Result<void> WriteFile(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (stream) return {};
  return Fail(Code::kUnavailable, "cannot write " + file);
}

Result<Evaluation> Measure(const EvalOptions& options, const Config& config) {
  auto pairs = ReadPairs(options.pairs);
  if (!pairs) return std::unexpected(pairs.error());
  EmbedderRuntime runtime;
  const auto parts = PartsOf(config, runtime);
  if (!parts) return std::unexpected(parts.error());
  EvalRule rule{.match = {.mode = config.cache.match_mode, .calibration = config.cache.calibration},
                .threshold = config.cache.similarity_threshold,
                .max_error = options.max_error};
  if (options.calibrate) rule.match.calibration = {};
  ProgressLine progress("texts embedded");
  PairJudge judge(*parts->embedder, *parts->verifier, runtime.context());
  auto judged = judge.Judge(std::move(*pairs), rule.match,
                            [&](std::size_t done, std::size_t all) { progress.Show(done, all); });
  if (!judged) return std::unexpected(judged.error());
  Evaluation evaluation = Evaluate(std::move(*judged), rule);
  evaluation.file = options.pairs;
  evaluation.embedder = parts->embedder->identity();
  return evaluation;
}

// What --min-recall and --max-false-hits ask for: 1 when it is not met, said on standard error. A
// share of nothing meets nothing.
int Gate(const EvalOptions& options, const Tally& tally) {
  if (options.min_recall && tally.must_hit == 0) {
    return Usage("--min-recall takes pairs labelled hit, and there are none");
  }
  if (options.max_false_hits && tally.must_miss == 0) {
    return Usage("--max-false-hits takes pairs labelled miss, and there are none");
  }
  int exit_code = 0;
  const auto refuse = [&](std::string_view what, double value, std::string_view side,
                          double bound) {
    fmt::print(stderr, "reprise: {} {:.4f} is {} {:g}\n", what, value, side, bound);
    exit_code = 1;
  };
  if (const double recall = tally.recall().value(); recall < options.min_recall.value_or(0)) {
    refuse("recall", recall, "below --min-recall", *options.min_recall);
  }
  const double wrong = tally.false_hits().value();
  if (wrong > options.max_false_hits.value_or(1)) {
    refuse("the share of false hits", wrong, "above --max-false-hits", *options.max_false_hits);
  }
  return exit_code;
}

int EvalPairs(const EvalOptions& options, const Config& config) {
  const auto evaluation = Measure(options, config);
  if (!evaluation) return Report(evaluation.error());
  if (!options.scores.empty()) {
    if (auto written = WriteFile(options.scores, ScoresTsv(*evaluation)); !written) {
      return Report(written.error());
    }
  }
  if (!options.plot.empty()) {
    if (auto written = WriteFile(options.plot, PlotSvg(*evaluation)); !written) {
      return Report(written.error());
    }
  }
  if (options.as_json) {
    PrintJson(ReportJson(*evaluation, options.show_errors));
  } else {
    fmt::print("{}", ReportText(*evaluation, options.show_errors));
  }
  return Gate(options, evaluation->overall);
}

int EvalCalibrate(const EvalOptions& options, const Config& config) {
  if (config.cache.match_mode == MatchMode::kOff) {
    return Usage(
        "match mode off decides by cosine alone and knows no calibration; use --mode safe");
  }
  const auto evaluation = Measure(options, config);
  if (!evaluation) return Report(evaluation.error());
  const double threshold = config.cache.similarity_threshold;
  const auto report = Calibrate(evaluation->pairs, threshold);
  if (!report) return Report(report.error());
  if (options.as_json) {
    PrintJson(CalibrationJson(*report, threshold));
  } else {
    fmt::print("{}: {} pairs, embedder {}, match {}\n{}", evaluation->file,
               evaluation->pairs.size(), evaluation->embedder, ModeName(config.cache.match_mode),
               CalibrationText(*report, threshold));
  }
  return Gate(options, report->after);
}

int EvalStream(const EvalOptions& options, const Config& config) {
  const auto requests = ReadStream(options.stream, config.default_model);
  if (!requests) return Report(requests.error());
  EmbedderRuntime runtime;
  auto parts = PartsOf(config, runtime);
  if (!parts) return Report(parts.error());
  ProgressLine progress("requests replayed");
  const auto report = Replay(*requests, std::move(*parts),
                             [&](std::size_t done) { progress.Show(done, requests->size()); });
  if (!report) return Report(report.error());
  if (!options.write_pairs.empty()) {
    if (auto written = WriteFile(options.write_pairs, MeetingsTsv(*report)); !written) {
      return Report(written.error());
    }
  }
  if (options.as_json) {
    PrintJson(StreamJson(*report, options.show_hits));
  } else {
    fmt::print("{}", StreamText(*report, options.show_hits));
  }
  return report->failed == 0 ? 0 : 1;
}

int Eval(const EvalOptions& options) {
  if (options.pairs.empty() == options.stream.empty()) {
    return Usage("give --pairs FILE.tsv or --stream FILE");
  }
  auto config = options.config.Load();
  if (!config) return Report(config.error());
  if (options.threshold) config->cache.similarity_threshold = *options.threshold;
  if (options.mode == "off") config->cache.match_mode = MatchMode::kOff;
  if (options.mode == "hard") config->cache.match_mode = MatchMode::kHard;
  if (options.mode == "safe") config->cache.match_mode = MatchMode::kSafe;
  if (!options.stream.empty()) return EvalStream(options, *config);
  return options.calibrate ? EvalCalibrate(options, *config) : EvalPairs(options, *config);
}

void AddInputs(CLI::App& command, EvalOptions& options) {
  CLI::Option* pairs =
      command.add_option("--pairs", options.pairs,
                         "Labelled pairs: hit|miss, kind, prompt, prompt, with tabs between");
  CLI::Option* stream =
      command.add_option("--stream", options.stream,
                         "Prompts, one a line, to replay through a cache; then size, model");
  pairs->excludes(stream);
  command.add_flag("--calibrate", options.calibrate, "Fit cache.calibration to the pairs")
      ->needs(pairs);
  command.add_option("--config", options.config.file, "Configuration file");
  command.add_option("--mode,--match", options.mode, "Instead of the configured verification")
      ->check(CLI::IsMember({"safe", "hard", "off"}));
  command.add_option("--threshold", options.threshold, "Instead of the configured one")
      ->check(CLI::Range(0.0, 1.0));
}

void AddOutputs(CLI::App& command, EvalOptions& options) {
  CLI::Option* pairs = command.get_option("--pairs");
  CLI::Option* stream = command.get_option("--stream");
  command
      .add_option("--max-error", options.max_error,
                  "Recommend the threshold that keeps this share of false hits")
      ->check(CLI::Range(0.0001, 1.0))
      ->capture_default_str();
  command.add_flag("--show-errors", options.show_errors, "List the pairs decided wrongly, and why")
      ->needs(pairs);
  command.add_option("--min-recall", options.min_recall, "Exit with 1 when recall is below this")
      ->check(CLI::Range(0.0, 1.0))
      ->needs(pairs);
  command
      .add_option("--max-false-hits", options.max_false_hits,
                  "Exit with 1 when the share of false hits is above this")
      ->check(CLI::Range(0.0, 1.0))
      ->needs(pairs);
  command.add_option("--scores", options.scores, "Write each pair's scores to this TSV file")
      ->needs(pairs);
  command.add_option("--plot", options.plot, "Write precision against hit rate to this SVG file")
      ->needs(pairs);
  command.add_flag("--show-hits", options.show_hits, "List the distinct semantic hits")
      ->needs(stream);
  command
      .add_option("--write-pairs", options.write_pairs,
                  "Write what was served or refused as pairs to label")
      ->needs(stream);
  command.add_flag("--json", options.as_json, "As JSON");
}

}  // namespace

void AddEval(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command =
      root.add_subcommand("eval", "Measure hits on labelled pairs or on a stream of prompts");
  AddInputs(*command, *options);
  AddOutputs(*command, *options);
  command->callback([options, &chosen] { chosen = [options] { return Eval(*options); }; });
}

}  // namespace reprise
