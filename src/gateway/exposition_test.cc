#include "gateway/exposition.h"

#include <gtest/gtest.h>

#include <limits>

namespace reprise {
namespace {

using Type = Exposition::Type;

TEST(Exposition, ASampleOfEachKind) {
  Exposition out;
  out.Family("a_total", Type::kCounter, "How many.").Sample(3);
  out.Family("b_bytes", Type::kGauge, "How big.").Sample(1.5, {{"part", "x"}, {"kind", "y"}});
  EXPECT_EQ(std::move(out).Text(),
            "# HELP a_total How many.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b_bytes How big.\n# TYPE b_bytes gauge\nb_bytes{part=\"x\",kind=\"y\"} 1.5\n");
}

TEST(Exposition, TextIsEscaped) {
  Exposition out;
  out.Family("a", Type::kGauge, "a \"line\"\nand \\").Sample(1, {{"name", "q\"b\\n\n"}});
  EXPECT_EQ(std::move(out).Text(),
            "# HELP a a \"line\"\\nand \\\\\n# TYPE a gauge\na{name=\"q\\\"b\\\\n\\n\"} 1\n");
}

TEST(Exposition, NumbersKeepTheirValue) {
  Exposition out;
  out.Family("a", Type::kGauge, "A.").Sample(0.1).Sample(12345678901234.0);
  out.Sample(std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::move(out).Text(),
            "# HELP a A.\n# TYPE a gauge\na 0.1\na 12345678901234\na +Inf\n");
}

TEST(Exposition, AHistogramEndsWithoutABound) {
  Exposition out;
  out.Family("t_seconds", Type::kHistogram, "T.")
      .Histogram({{0.5, 1}, {2, 3}}, 4, 9.5, {{"k", "v"}});
  EXPECT_EQ(std::move(out).Text(),
            "# HELP t_seconds T.\n# TYPE t_seconds histogram\n"
            "t_seconds_bucket{k=\"v\",le=\"0.5\"} 1\nt_seconds_bucket{k=\"v\",le=\"2\"} 3\n"
            "t_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\nt_seconds_sum{k=\"v\"} 9.5\n"
            "t_seconds_count{k=\"v\"} 4\n");
}

}  // namespace
}  // namespace reprise
