#include "app/eval_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace reprise {
namespace {

constexpr double kPlotWidth = 760, kPlotHeight = 480;
constexpr double kLeft = 76, kRight = 724, kTop = 100, kBottom = 420;  // the axes' box
constexpr std::string_view kVerified = "#0b6e4f", kEmbedding = "#c8553d", kInk = "#222222",
                           kGrid = "#e4e4e4", kQuiet = "#666666";

constexpr std::string_view kStyle =
    "<style>text{font-family:system-ui,'DejaVu Sans',Helvetica,Arial,sans-serif;font-size:13px}"
    ".title{font-size:16px;font-weight:600}.small{font-size:12px}"
    ".mark{font-size:12px;font-weight:600;stroke:#fff;stroke-width:3px;paint-order:stroke}</"
    "style>\n";

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

double Down(double share) {
  return std::floor(share * 10 + 1e-9) / 10;
}
double Up(double share) {
  return std::ceil(share * 10 - 1e-9) / 10;
}

class Plot {
 public:
  explicit Plot(const Evaluation& evaluation) : e_(evaluation) {
    for (const auto* curve : {&e_.verified, &e_.embedding}) {
      for (const CurvePoint& point : *curve) {
        if (point.tally.hit_rate().part == 0) continue;
        lowest_ = std::min(lowest_, Down(point.tally.precision().value()));
        most_ = std::max(most_, Up(point.tally.hit_rate().value()));
      }
    }
    lowest_ = std::min(lowest_, 0.9);
  }

  std::string Draw() {
    fmt::format_to(
        Out(),
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
        "height=\"{1}\" role=\"img\">\n",
        kPlotWidth, kPlotHeight);
    out_ += kStyle;
    fmt::format_to(Out(), "<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n", kPlotWidth,
                   kPlotHeight);
    Text(kLeft, 32, "title", kInk, "start", "Precision of hits against hit rate");
    Text(kLeft, 52, "small", kQuiet, "start",
         fmt::format("{}: {} pairs, embedder {}", e_.file,
                     e_.overall.must_hit + e_.overall.must_miss, e_.embedder));
    Axes();
    MustHitLine();
    const bool verified = e_.rule.match.mode != MatchMode::kOff;
    if (verified) Band(e_.verified, kVerified);
    Line(e_.embedding, kEmbedding);
    if (verified) Line(e_.verified, kVerified);
    MarkThreshold(e_.embedding, kEmbedding);
    if (verified) MarkThreshold(e_.verified, kVerified);
    Legend(verified);
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  std::back_insert_iterator<std::string> Out() { return std::back_inserter(out_); }
  double X(double hit_rate) const { return kLeft + (kRight - kLeft) * hit_rate / most_; }
  double Y(double precision) const {
    return kBottom - (kBottom - kTop) * (precision - lowest_) / (1 - lowest_);
  }

  void Text(double x, double y, std::string_view style, std::string_view colour,
            std::string_view anchor, std::string_view text) {
    fmt::format_to(Out(),
                   "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" fill=\"{}\" "
                   "text-anchor=\"{}\">{}</text>\n",
                   x, y, style, colour, anchor, Escaped(text));
  }

  void Rule(double x1, double y1, double x2, double y2, std::string_view attributes) {
    fmt::format_to(Out(), "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" {}/>\n", x1, y1, x2, y2,
                   attributes);
  }

  void Axes() {
    const std::string grid = fmt::format("stroke=\"{}\"", kGrid);
    const std::string axis = fmt::format("stroke=\"{}\"", kQuiet);
    for (int tick = static_cast<int>(std::lround(lowest_ * 10)); tick <= 10; ++tick) {
      Rule(kLeft, Y(tick / 10.0), kRight, Y(tick / 10.0), grid);
      Text(kLeft - 10, Y(tick / 10.0) + 4, "small", kQuiet, "end", fmt::format("{} %", tick * 10));
    }
    const int last = static_cast<int>(std::lround(most_ * 10));
    for (int tick = 0; tick <= last; ++tick) {
      Rule(X(tick / 10.0), kBottom, X(tick / 10.0), kBottom + 5, axis);
      Text(X(tick / 10.0), kBottom + 20, "small", kQuiet, "middle", fmt::format("{} %", tick * 10));
    }
    Rule(kLeft, kBottom, kRight, kBottom, axis);
    Text((kLeft + kRight) / 2, kBottom + 44, "", kInk, "middle",
         "hit rate: share of all pairs that hit");
    fmt::format_to(Out(),
                   "<text transform=\"translate(22 {:.1f}) rotate(-90)\" fill=\"{}\" "
                   "text-anchor=\"middle\">precision: share of hits that are right</text>\n",
                   (kTop + kBottom) / 2, kInk);
  }

  // Where a perfect cache would stop.
  void MustHitLine() {
    const double labelled = static_cast<double>(e_.overall.must_hit + e_.overall.must_miss);
    if (e_.overall.must_hit == 0 || e_.overall.must_miss == 0) return;
    const double x = X(static_cast<double>(e_.overall.must_hit) / labelled);
    Rule(x, kTop, x, kBottom, fmt::format("stroke=\"{}\" stroke-dasharray=\"4 4\"", kQuiet));
    Text(x + 6, kBottom - 8, "small", kQuiet, "start", "all pairs that must hit");
  }

  void Line(const std::vector<CurvePoint>& curve, std::string_view colour) {
    std::string points;
    for (const CurvePoint& point : curve) {
      if (point.tally.hit_rate().part == 0) continue;
      fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ",
                     X(point.tally.hit_rate().value()), Y(point.tally.precision().value()));
    }
    fmt::format_to(Out(),
                   "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2.5\" "
                   "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n",
                   points, colour);
  }

  // The 95 % interval of the precision.
  void Band(const std::vector<CurvePoint>& curve, std::string_view colour) {
    std::string above, below;
    for (const CurvePoint& point : curve) {
      if (point.tally.hit_rate().part == 0) continue;
      const double x = X(point.tally.hit_rate().value());
      const Interval interval = point.tally.precision().interval();
      fmt::format_to(std::back_inserter(above), "{:.1f},{:.1f} ", x, Y(interval.high));
      below = fmt::format("{:.1f},{:.1f} ", x, Y(std::max(lowest_, interval.low))) + below;
    }
    fmt::format_to(Out(), "<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.13\"/>\n", above,
                   below, colour);
  }

  void MarkThreshold(const std::vector<CurvePoint>& curve, std::string_view colour) {
    const auto nearest = std::ranges::min_element(curve, {}, [&](const CurvePoint& point) {
      return std::abs(point.threshold - e_.rule.threshold);
    });
    if (nearest == curve.end() || nearest->tally.hit_rate().part == 0) return;
    const double x = X(nearest->tally.hit_rate().value());
    const double y = Y(nearest->tally.precision().value());
    fmt::format_to(Out(),
                   "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5.5\" fill=\"{}\" stroke=\"#ffffff\" "
                   "stroke-width=\"2\"/>\n",
                   x, y, colour);
    Text(x + 9, y - 8, "mark", colour, "start", fmt::format("{:g}", e_.rule.threshold));
  }

  void Legend(bool verified) {
    const double y = kTop - 22;
    double x = kLeft;
    const auto entry = [&](std::string_view colour, const std::string& name, double width) {
      Rule(x, y - 4, x + 24, y - 4, fmt::format("stroke=\"{}\" stroke-width=\"3\"", colour));
      Text(x + 30, y, "small", kInk, "start", name);
      x += width;
    };
    if (verified) {
      entry(kVerified, fmt::format("verified ({}), 95 % band", ModeName(e_.rule.match.mode)), 200);
    }
    entry(kEmbedding, "embedding alone", 150);
    fmt::format_to(Out(), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"{}\"/>\n", x + 8,
                   y - 4, kQuiet);
    Text(x + 20, y, "small", kInk, "start", "configured threshold");
  }

  const Evaluation& e_;
  double lowest_ = 1, most_ = 0.1;  // ends of the axes
  std::string out_;
};

}  // namespace

std::string PlotSvg(const Evaluation& evaluation) {
  return Plot(evaluation).Draw();
}

}  // namespace reprise
