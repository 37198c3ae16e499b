// The precision against hit-rate curve of an evaluation as a picture. Pure.
#pragma once

#include <string>

#include "app/eval_report.h"

namespace reprise {

// A self-contained SVG: the verified curve with its 95 % band, the curve of the embedding alone,
// and the configured threshold on each.
std::string PlotSvg(const Evaluation& evaluation);

}  // namespace reprise
