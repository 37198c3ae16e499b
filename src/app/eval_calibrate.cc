#include "app/eval_calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kFolds = 10;
constexpr std::size_t kFewest = 10;  // samples of each label

bool IsSample(const JudgedPair& judged) {
  return judged.pair.label != PairLabel::kNone && !judged.verdict.vetoed &&
         judged.verdict.similarity < 1;
}

CalibrationSample SampleOf(const JudgedPair& judged) {
  return {.similarity = judged.verdict.similarity,
          .cosine = judged.cosine,
          .hit = judged.pair.label == PairLabel::kHit};
}

// Groups of pairs that share a prompt, directly or through other pairs (union-find).
class Groups {
 public:
  explicit Groups(const std::vector<JudgedPair>& pairs) : parent_(pairs.size()) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    std::unordered_map<std::string_view, std::size_t> first;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      for (const std::string* text : {&pairs[i].pair.a, &pairs[i].pair.b}) {
        const auto [at, added] = first.try_emplace(*text, i);
        if (!added) parent_[Root(i)] = Root(at->second);
      }
    }
  }

  std::size_t Root(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }

 private:
  std::vector<std::size_t> parent_;
};

// Folds in turn, so that each has its part of every stretch of the file.
std::vector<std::size_t> FoldsOf(const std::vector<JudgedPair>& pairs) {
  Groups groups(pairs);
  std::vector<std::size_t> folds(pairs.size());
  std::unordered_map<std::size_t, std::size_t> fold_of_group;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto next = fold_of_group.size() % kFolds;
    folds[i] = fold_of_group.try_emplace(groups.Root(i), next).first->second;
  }
  return folds;
}

// Decides every pair with a calibration fitted to the other folds.
class CrossValidation {
 public:
  CrossValidation(const std::vector<JudgedPair>& pairs, double threshold)
      : pairs_(pairs), folds_(FoldsOf(pairs)), threshold_(threshold) {}

  void Run(CalibrationReport& report) const {
    for (std::size_t fold = 0; fold < kFolds; ++fold) {
      const Calibration others =
          FitCalibration(Samples([&](std::size_t of) { return of != fold; }));
      Decide(fold, others, report);
      const auto held_out = Samples([&](std::size_t of) { return of == fold; });
      const double share =
          static_cast<double>(held_out.size()) / static_cast<double>(report.samples);
      report.log_loss_before += share * LogLoss(held_out, {});
      report.log_loss_after += share * LogLoss(held_out, others);
    }
  }

  // Those of the folds that `wanted` accepts.
  template <class Wanted>
  std::vector<CalibrationSample> Samples(Wanted wanted) const {
    std::vector<CalibrationSample> samples;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (wanted(folds_[i]) && IsSample(pairs_[i])) samples.push_back(SampleOf(pairs_[i]));
    }
    return samples;
  }

 private:
  void Decide(std::size_t fold, const Calibration& others, CalibrationReport& report) const {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const auto& [pair, verdict, cosine] = pairs_[i];
      if (folds_[i] != fold || pair.label == PairLabel::kNone) continue;
      const bool must_hit = pair.label == PairLabel::kHit;
      report.before.Count(must_hit, IsHit(verdict, threshold_));
      report.after.Count(must_hit, IsHit(others.Apply(verdict, cosine), threshold_));
    }
  }

  const std::vector<JudgedPair>& pairs_;
  const std::vector<std::size_t> folds_;
  const double threshold_;
};

json ToJson(const Share& share) {
  const Interval interval = share.interval();
  return {{"part", share.part},
          {"of", share.of},
          {"value", share.value()},
          {"low", interval.low},
          {"high", interval.high}};
}

json ToJson(const Tally& tally, double log_loss) {
  return {{"recall", ToJson(tally.recall())},
          {"false_hits", ToJson(tally.false_hits())},
          {"log_loss", log_loss}};
}

}  // namespace

Result<CalibrationReport> Calibrate(const std::vector<JudgedPair>& pairs, double threshold) {
  const CrossValidation validation(pairs, threshold);
  const auto all = validation.Samples([](std::size_t) { return true; });
  const auto hits = static_cast<std::size_t>(std::ranges::count_if(all, &CalibrationSample::hit));
  if (hits < kFewest || all.size() - hits < kFewest) {
    return Fail(Code::kInvalidArgument,
                fmt::format("a calibration takes at least {0} pairs labelled hit and {0} labelled "
                            "miss that no veto and no equal text decides; there are {1} and {2}",
                            kFewest, hits, all.size() - hits));
  }
  CalibrationReport report{.calibration = FitCalibration(all),
                           .samples = all.size(),
                           .folds = kFolds,
                           .before = {},
                           .after = {}};
  validation.Run(report);
  return report;
}

std::string CalibrationYaml(const Calibration& calibration) {
  return fmt::format(
      "cache:\n  calibration: {{bias: {:.4f}, similarity: {:.4f}, cosine: {:.4f}}}\n",
      calibration.bias, calibration.similarity, calibration.cosine);
}

std::string CalibrationText(const CalibrationReport& report, double threshold) {
  std::string out = fmt::format(
      "fitted to {} pairs that no veto and no equal text decides; measured at threshold {:g} on "
      "pairs held out ({} folds):\n\n{:<8} {:<21} {:<21} {:>9}\n",
      report.samples, threshold, report.folds, "", "recall", "false hits", "log loss");
  const auto line = [&](std::string_view name, const Tally& tally, double log_loss) {
    fmt::format_to(std::back_inserter(out), "{:<8} {:<21} {:<21} {:>9.3f}\n", name,
                   ShareText(tally.recall()), ShareText(tally.false_hits()), log_loss);
  };
  line("before", report.before, report.log_loss_before);
  line("after", report.after, report.log_loss_after);
  return out + "\nTo use it, put this into the configuration:\n\n" +
         CalibrationYaml(report.calibration);
}

json CalibrationJson(const CalibrationReport& report, double threshold) {
  return {{"calibration",
           {{"bias", report.calibration.bias},
            {"similarity", report.calibration.similarity},
            {"cosine", report.calibration.cosine}}},
          {"samples", report.samples},
          {"folds", report.folds},
          {"threshold", threshold},
          {"before", ToJson(report.before, report.log_loss_before)},
          {"after", ToJson(report.after, report.log_loss_after)}};
}

}  // namespace reprise
