// What an image costs upstream, in USD: for "saved so far", budgets and eviction. List prices, not
// invoices; configuration overrides them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "upstream/image_generator.h"

namespace reprise {

// What an image of some model costs at one quality and size.
struct PriceRow {
  std::string quality = {};   // empty: every one that no other row names
  int width = 0, height = 0;  // 0 x 0: every size that no other row of the quality names
  double usd = 0;
  bool operator==(const PriceRow&) const = default;
};
// By model. The first row's quality is the default of a model all of whose rows name one.
using ModelPrices = std::map<std::string, std::vector<PriceRow>, std::less<>>;

// Filled at start, then only read: PerImage is safe for any thread.
struct PriceTable {
  // OpenAI's published prices per image for gpt-image-1, gpt-image-1-mini, dall-e-2 and dall-e-3.
  // Input tokens, which gpt-image models bill on top, are not part of it.
  static PriceTable Builtin();

  // From now on images of `model` cost this; there is at least one row.
  void Set(std::string_view model, std::vector<PriceRow> rows);
  // Whatever their size and quality.
  void Set(std::string_view model, double usd) { Set(model, {{.usd = usd}}); }
  // The price of models that are not in the table; 0 unless set.
  void SetDefault(double usd) { default_usd_ = usd; }

  // `model` may carry a provider ("openai/gpt-image-1"). A quality that has no row, "auto" say,
  // counts as the model's default, which is medium for gpt-image models and standard for dall-e
  // models. A size that has no row counts as the one with the nearest number of pixels, unless a
  // row is for every size; 0 x 0 counts as 1024 x 1024.
  double PerImage(std::string_view model, std::string_view quality, int width, int height) const;

 private:
  ModelPrices rows_;
  double default_usd_ = 0;
};

// What one image of the request costs, by its model, size and the quality among its parameters.
double PriceOf(const PriceTable& prices, const GenerateRequest& request);

// The quality that a request's other parameters, a JSON object, name; empty when none.
std::string QualityIn(std::string_view params);

}  // namespace reprise
