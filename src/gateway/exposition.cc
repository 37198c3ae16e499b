#include "gateway/exposition.h"

#include <fmt/format.h>

#include <cmath>

namespace reprise {
namespace {

// `quotes` too in a label's value, not in a help text.
std::string Escaped(std::string_view text, bool quotes) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && quotes) {
      escaped += "\\\"";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);  // the shortest text that reads back as the same number
}

std::string_view NameOf(Exposition::Type type) {
  if (type == Exposition::Type::kCounter) return "counter";
  return type == Exposition::Type::kGauge ? "gauge" : "histogram";
}

}  // namespace

Exposition& Exposition::Family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  text_ +=
      fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, Escaped(help, false), name, NameOf(type));
  return *this;
}

Exposition& Exposition::Sample(double value, const Labels& labels) {
  Line("", labels, value);
  return *this;
}

Exposition& Exposition::Histogram(const std::vector<Bucket>& buckets, double count, double sum,
                                  const Labels& labels) {
  Labels with_bound = labels;
  with_bound.emplace_back("le", "");
  for (const Bucket& bucket : buckets) {
    with_bound.back().second = Number(bucket.upper_bound);
    Line("_bucket", with_bound, bucket.count);
  }
  with_bound.back().second = "+Inf";
  Line("_bucket", with_bound, count);
  Line("_sum", labels, sum);
  Line("_count", labels, count);
  return *this;
}

void Exposition::Line(std::string_view suffix, const Labels& labels, double value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const auto& [name, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", before, name, Escaped(text, true));
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_ += fmt::format(" {}\n", Number(value));
}

}  // namespace reprise
