// What an image costs upstream, in USD: for "saved so far", budgets and eviction. List prices, not
// invoices; configuration overrides them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "upstream/image_generator.h"

namespace reprise {

// Filled at start, then only read: PerImage is safe for any thread.
struct PriceTable {
  // OpenAI's published prices per image for gpt-image-1, gpt-image-1-mini, dall-e-2 and dall-e-3.
  // Input tokens, which gpt-image models bill on top, are not part of it.
  static PriceTable Builtin();

  // From now on every image of `model` costs `usd`, whatever its size and quality.
  void Set(std::string_view model, double usd);
  // The price of models that are not in the table; 0 unless set.
  void SetDefault(double usd) { default_usd_ = usd; }

  // `model` may carry a provider ("openai/gpt-image-1"). Quality "auto" or unknown counts as medium
  // for gpt-image models and as standard for dall-e models. Sizes that are not in the price list
  // count as the listed size with the nearest number of pixels, 0 x 0 as 1024 x 1024.
  double PerImage(std::string_view model, std::string_view quality, int width, int height) const;

 private:
  std::map<std::string, double, std::less<>> fixed_;
  bool builtin_ = false;
  double default_usd_ = 0;
};

// What one image of the request costs, by its model, size and the quality among its parameters.
double PriceOf(const PriceTable& prices, const GenerateRequest& request);

// The quality that a request's other parameters, a JSON object, name; empty when none.
std::string QualityIn(std::string_view params);

}  // namespace reprise
