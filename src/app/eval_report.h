// What `reprise eval --pairs` found, for people and for programs. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/eval_judge.h"
#include "app/eval_stats.h"

namespace reprise {

struct EvalRule {
  MatchRule match;
  double threshold = 0.85;
  double max_error = 0.02;  // wished share of false hits
};

struct KindTally {
  std::string kind;  // in the order of the file
  Tally tally;
};

struct Evaluation {
  std::string file, embedder;
  EvalRule rule;
  std::vector<JudgedPair> pairs;
  Tally overall;
  Share unlabelled;  // hits among the pairs without a label
  std::vector<KindTally> kinds;
  std::vector<CurvePoint> verified;   // under the rule's mode
  std::vector<CurvePoint> embedding;  // by cosine alone
  std::optional<CurvePoint> recommended;

  bool Hits(const JudgedPair& pair) const { return IsHit(pair.verdict, rule.threshold); }
  bool Wrong(const JudgedPair& pair) const;
};

Evaluation Evaluate(std::vector<JudgedPair> pairs, const EvalRule& rule);

std::string_view ModeName(MatchMode mode);  // "safe", "hard", "off"

// "0.912 (0.870-0.942)", or "-" of nothing.
std::string ShareText(const Share& share);

// Tables for a terminal; with `errors` also every pair decided against its label.
std::string ReportText(const Evaluation& evaluation, bool errors);
nlohmann::json ReportJson(const Evaluation& evaluation, bool errors);

// Tab-separated, one line a pair: label, kind, decision, similarity, cosine, reason, and the
// prompts.
std::string ScoresTsv(const Evaluation& evaluation);

}  // namespace reprise
