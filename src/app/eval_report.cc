#include "app/eval_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/tsv.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::string_view kDecision[] = {"miss", "hit"};

std::string Percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

// Every tenth point from 0.5 on.
bool IsPrinted(std::size_t index) {
  return index >= 100 && index % 10 == 0;
}

void PrintOverall(const Evaluation& e, std::string& out) {
  const auto line = [&](std::string_view name, const Share& share, std::string_view of) {
    const Interval interval = share.interval();
    if (share.of == 0) return;
    fmt::format_to(std::back_inserter(out), "{:<12} {:>8} {:>17}   {} of {} {}\n", name,
                   Percent(share.value()),
                   fmt::format("{:.1f} to {:.1f} %", interval.low * 100, interval.high * 100),
                   share.part, share.of, of);
  };
  fmt::format_to(std::back_inserter(out), "{:<12} {:>8} {:>17}\n", "", "share", "95 % interval");
  line("precision", e.overall.precision(), "hits were right");
  line("recall", e.overall.recall(), "pairs that must hit");
  line("false hits", e.overall.false_hits(), "pairs that must miss");
  line("unlabelled", e.unlabelled, "pairs without a label hit");
}

void PrintKinds(const Evaluation& e, std::string& out) {
  if (e.kinds.empty()) return;
  std::size_t width = 4;
  for (const KindTally& kind : e.kinds) width = std::max(width, kind.kind.size());
  fmt::format_to(std::back_inserter(out), "\n{:<{}}  {:>8}  {:<21}  {:>9}  {}\n", "kind", width,
                 "must hit", "recall", "must miss", "false hits");
  for (const auto& [kind, tally] : e.kinds) {
    const auto count = [](std::size_t of) { return of == 0 ? "" : std::to_string(of); };
    fmt::format_to(std::back_inserter(out), "{:<{}}  {:>8}  {:<21}  {:>9}  {}\n", kind, width,
                   count(tally.must_hit), ShareText(tally.recall()), count(tally.must_miss),
                   ShareText(tally.false_hits()));
  }
}

void PrintCurve(const Evaluation& e, std::string& out) {
  const bool both = e.rule.match.mode != MatchMode::kOff;
  const auto columns = [&](const Tally& tally) {
    fmt::format_to(std::back_inserter(out), " {:>9.3f} {:>10.3f} {:>7.3f} {:>11.3f}",
                   tally.hit_rate().value(), tally.precision().value(), tally.recall().value(),
                   tally.false_hits().value());
  };
  const std::string names =
      fmt::format(" {:>9} {:>10} {:>7} {:>11}", "hit rate", "precision", "recall", "false hits");
  if (both)
    fmt::format_to(std::back_inserter(out), "\n{:<9} {:<41}{}", "", "  verified",
                   "  embedding alone");
  fmt::format_to(std::back_inserter(out), "\n{:<9}{}{}\n", "threshold", names, both ? names : "");
  for (std::size_t i = 0; i < e.verified.size(); ++i) {
    if (!IsPrinted(i)) continue;
    fmt::format_to(std::back_inserter(out), "{:<9.2f}", e.verified[i].threshold);
    columns(e.verified[i].tally);
    if (both) columns(e.embedding[i].tally);
    out += '\n';
  }
}

void PrintRecommendation(const Evaluation& e, std::string& out) {
  const double wished = e.rule.max_error;
  const auto into = std::back_inserter(out);
  if (e.recommended) {
    const Tally& tally = e.recommended->tally;
    fmt::format_to(into,
                   "\nrecommended threshold for at most {} false hits: {:g} (recall {}, false hits "
                   "{}, at most {} with 95 % confidence)\n",
                   Percent(wished), e.recommended->threshold, Percent(tally.recall().value()),
                   Percent(tally.false_hits().value()),
                   Percent(tally.false_hits().interval().high));
    return;
  }
  fmt::format_to(into, "\nno threshold is proven to keep false hits at {}", Percent(wished));
  if (e.overall.must_miss < TrialsFor(wished)) {
    fmt::format_to(into, ": that takes at least {} pairs that must miss, and there are {}",
                   TrialsFor(wished), e.overall.must_miss);
  }
  out += '\n';
}

void PrintErrors(const Evaluation& e, std::string& out) {
  std::size_t count = 0;
  for (const JudgedPair& judged : e.pairs) {
    if (!e.Wrong(judged)) continue;
    ++count;
    fmt::format_to(std::back_inserter(out),
                   "\n{} instead of {}: {}  similarity {:.3f}, cosine {:.3f}, {}\n  {}\n  {}\n",
                   kDecision[e.Hits(judged)], LabelName(judged.pair.label), judged.pair.kind,
                   judged.verdict.similarity, judged.cosine, judged.verdict.reason, judged.pair.a,
                   judged.pair.b);
  }
  if (count == 0) out += "\nno pair was decided against its label\n";
}

json ShareOrNull(const Share& share) {
  const Interval interval = share.interval();
  return {{"part", share.part},
          {"of", share.of},
          {"value", share.of == 0 ? json() : json(share.value())},
          {"low", interval.low},
          {"high", interval.high}};
}

json ToJson(const Tally& tally) {
  return {{"precision", ShareOrNull(tally.precision())},
          {"recall", ShareOrNull(tally.recall())},
          {"false_hits", ShareOrNull(tally.false_hits())},
          {"hit_rate", ShareOrNull(tally.hit_rate())}};
}

json ToJson(const std::vector<CurvePoint>& curve) {
  json points = json::array();
  for (const auto& [threshold, tally] : curve) {
    points.push_back({{"threshold", threshold},
                      {"right_hits", tally.right_hits},
                      {"wrong_hits", tally.wrong_hits}});
  }
  return points;
}

json ToJson(const Evaluation& e, const JudgedPair& judged) {
  return {{"label", LabelName(judged.pair.label)},
          {"kind", judged.pair.kind},
          {"decision", kDecision[e.Hits(judged)]},
          {"similarity", judged.verdict.similarity},
          {"cosine", judged.cosine},
          {"reason", judged.verdict.reason},
          {"sentence", judged.verdict.sentence},
          {"a", judged.pair.a},
          {"b", judged.pair.b}};
}

std::vector<CurvePoint> CurveOf(const std::vector<JudgedPair>& pairs, bool verified) {
  std::vector<ScoredPair> scored;
  for (const JudgedPair& judged : pairs) {
    if (judged.pair.label == PairLabel::kNone) continue;
    const bool must_hit = judged.pair.label == PairLabel::kHit;
    scored.push_back(verified
                         ? ScoredPair{must_hit, judged.verdict.similarity, judged.verdict.vetoed}
                         : ScoredPair{must_hit, judged.cosine, false});
  }
  return Curve(scored);
}

Tally& TallyOf(std::vector<KindTally>& kinds, const std::string& kind) {
  const auto found = std::ranges::find(kinds, kind, &KindTally::kind);
  return found != kinds.end() ? found->tally : kinds.emplace_back(kind, Tally{}).tally;
}

}  // namespace

bool Evaluation::Wrong(const JudgedPair& pair) const {
  return pair.pair.label != PairLabel::kNone && Hits(pair) != (pair.pair.label == PairLabel::kHit);
}

Evaluation Evaluate(std::vector<JudgedPair> pairs, const EvalRule& rule) {
  Evaluation e{.file = {}, .embedder = {}, .rule = rule, .pairs = std::move(pairs)};
  for (const JudgedPair& judged : e.pairs) {
    const bool hit = e.Hits(judged);
    if (judged.pair.label == PairLabel::kNone) {
      e.unlabelled.of += 1;
      e.unlabelled.part += hit;
      continue;
    }
    const bool must_hit = judged.pair.label == PairLabel::kHit;
    e.overall.Count(must_hit, hit);
    if (!judged.pair.kind.empty()) TallyOf(e.kinds, judged.pair.kind).Count(must_hit, hit);
  }
  e.verified = CurveOf(e.pairs, true);
  e.embedding = CurveOf(e.pairs, false);
  e.recommended = Recommend(e.verified, rule.max_error);
  return e;
}

std::string_view ModeName(MatchMode mode) {
  switch (mode) {
    case MatchMode::kOff:
      return "off";
    case MatchMode::kHard:
      return "hard";
    case MatchMode::kSafe:
      return "safe";
  }
  return "";
}

std::string ShareText(const Share& share) {
  if (share.of == 0) return "-";
  const Interval interval = share.interval();
  return fmt::format("{:.3f} ({:.3f}-{:.3f})", share.value(), interval.low, interval.high);
}

std::string ReportText(const Evaluation& e, bool errors) {
  std::string out =
      fmt::format("{}: {} pairs, embedder {}, match {}, threshold {:g}\n\n", e.file, e.pairs.size(),
                  e.embedder, ModeName(e.rule.match.mode), e.rule.threshold);
  PrintOverall(e, out);
  PrintKinds(e, out);
  if (e.overall.must_hit + e.overall.must_miss > 0) {
    PrintCurve(e, out);
    PrintRecommendation(e, out);
  }
  if (errors) PrintErrors(e, out);
  return out;
}

json ReportJson(const Evaluation& e, bool errors) {
  json kinds = json::array();
  for (const auto& [kind, tally] : e.kinds) {
    kinds.push_back({{"kind", kind},
                     {"recall", ShareOrNull(tally.recall())},
                     {"false_hits", ShareOrNull(tally.false_hits())}});
  }
  json report = {{"file", e.file},
                 {"embedder", e.embedder},
                 {"mode", ModeName(e.rule.match.mode)},
                 {"threshold", e.rule.threshold},
                 {"pairs", e.pairs.size()},
                 {"overall", ToJson(e.overall)},
                 {"unlabelled", ShareOrNull(e.unlabelled)},
                 {"kinds", kinds},
                 {"curve", {{"verified", ToJson(e.verified)}, {"embedding", ToJson(e.embedding)}}},
                 {"max_error", e.rule.max_error},
                 {"recommended", nullptr}};
  if (e.recommended) {
    report["recommended"] = ToJson(e.recommended->tally);
    report["recommended"]["threshold"] = e.recommended->threshold;
  }
  if (errors) {
    report["errors"] = json::array();
    for (const JudgedPair& judged : e.pairs) {
      if (e.Wrong(judged)) report["errors"].push_back(ToJson(e, judged));
    }
  }
  return report;
}

std::string ScoresTsv(const Evaluation& e) {
  std::string out = "label\tkind\tdecision\tsimilarity\tcosine\treason\ta\tb\n";
  for (const JudgedPair& judged : e.pairs) {
    fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{:.6f}\t{:.6f}\t{}\t{}\t{}\n",
                   LabelName(judged.pair.label), TsvColumn(judged.pair.kind),
                   kDecision[e.Hits(judged)], judged.verdict.similarity, judged.cosine,
                   TsvColumn(judged.verdict.reason), judged.pair.a, judged.pair.b);
  }
  return out;
}

}  // namespace reprise
