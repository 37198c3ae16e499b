#include "app/eval_pairs.h"

#include <algorithm>
#include <optional>

#include "app/tsv.h"

namespace reprise {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::optional<PairLabel> ParseLabel(const std::string& text) {
  for (const PairLabel label : {PairLabel::kHit, PairLabel::kMiss, PairLabel::kNone}) {
    if (text == LabelName(label)) return label;
  }
  return std::nullopt;
}

Result<LabelledPair> ParsePair(const std::filesystem::path& file, const TsvLine& line) {
  const auto& columns = line.columns;
  if (columns.size() != 3 && columns.size() != 4) {
    return TsvError(file, line,
                    "expected label, kind and two prompts (or label and two prompts) with tabs "
                    "between, found " +
                        std::to_string(columns.size()) +
                        (columns.size() == 1 ? " column" : " columns"));
  }
  const auto label = ParseLabel(Lower(Trimmed(columns[0])));
  if (!label) {
    return TsvError(file, line, "expected the label hit, miss or -, found '" + columns[0] + "'");
  }
  LabelledPair pair{.label = *label,
                    .kind = columns.size() == 4 ? Trimmed(columns[1]) : "",
                    .a = columns[columns.size() - 2],
                    .b = columns.back()};
  if (Trimmed(pair.a).empty() || Trimmed(pair.b).empty()) {
    return TsvError(file, line, "a prompt is empty");
  }
  return pair;
}

}  // namespace

std::string_view LabelName(PairLabel label) {
  switch (label) {
    case PairLabel::kHit:
      return "hit";
    case PairLabel::kMiss:
      return "miss";
    case PairLabel::kNone:
      return "-";
  }
  return "";
}

Result<std::vector<LabelledPair>> ReadPairs(const std::filesystem::path& file) {
  const auto lines = ReadTsv(file);
  if (!lines) return std::unexpected(lines.error());
  std::vector<LabelledPair> pairs;
  bool first = true;
  for (const TsvLine& line : *lines) {
    if (line.columns[0].starts_with('#')) continue;
    const bool header = std::exchange(first, false) && Lower(Trimmed(line.columns[0])) == "label";
    if (header) continue;
    auto pair = ParsePair(file, line);
    if (!pair) return std::unexpected(pair.error());
    pairs.push_back(std::move(*pair));
  }
  if (pairs.empty()) {
    return Fail(Code::kInvalidArgument, file.string() +
                                            " has no pairs; a line is hit|miss, kind, "
                                            "prompt, prompt with tabs between");
  }
  return pairs;
}

}  // namespace reprise
