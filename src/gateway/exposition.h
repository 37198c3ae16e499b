// Writes Prometheus' text format 0.0.4: families of samples, each announced by HELP and TYPE.
// (prometheus-cpp has a serialiser too; its Debian package brings a web server along.)
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise {

class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;
  enum class Type { kCounter, kGauge, kHistogram };

  // The samples that follow belong to it, each with other labels. Names are ours, and valid; a
  // counter's ends with "_total". Once for each name.
  Exposition& Family(std::string_view name, Type type, std::string_view help);
  // Label values may be any text.
  Exposition& Sample(double value, const Labels& labels = {});

  struct Bucket {
    double upper_bound = 0;
    double count = 0;  // of values in this bucket and those before
  };
  // Of a histogram; the bucket without a bound is added.
  Exposition& Histogram(const std::vector<Bucket>& buckets, double count, double sum,
                        const Labels& labels = {});

  std::string Text() && { return std::move(text_); }

 private:
  void Line(std::string_view suffix, const Labels& labels, double value);

  std::string text_;
  std::string name_;
};

inline constexpr char kExpositionType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace reprise
