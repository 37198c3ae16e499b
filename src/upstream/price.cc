#include "upstream/price.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "upstream/model_name.h"

namespace reprise {
namespace {

struct ListPrice {
  std::string_view model, quality;
  int width, height;
  double usd;
};

// Source: OpenAI's pricing page, image generation, per image. Portrait and landscape cost the same.
// A model's first row is its default quality.
constexpr ListPrice kListPrices[] = {
    {"gpt-image-1", "medium", 1024, 1024, 0.042},
    {"gpt-image-1", "medium", 1536, 1024, 0.063},
    {"gpt-image-1", "low", 1024, 1024, 0.011},
    {"gpt-image-1", "low", 1536, 1024, 0.016},
    {"gpt-image-1", "high", 1024, 1024, 0.167},
    {"gpt-image-1", "high", 1536, 1024, 0.25},
    {"gpt-image-1-mini", "medium", 1024, 1024, 0.011},
    {"gpt-image-1-mini", "medium", 1536, 1024, 0.015},
    {"gpt-image-1-mini", "low", 1024, 1024, 0.005},
    {"gpt-image-1-mini", "low", 1536, 1024, 0.006},
    {"gpt-image-1-mini", "high", 1024, 1024, 0.036},
    {"gpt-image-1-mini", "high", 1536, 1024, 0.052},
    {"dall-e-3", "standard", 1024, 1024, 0.04},
    {"dall-e-3", "standard", 1792, 1024, 0.08},
    {"dall-e-3", "hd", 1024, 1024, 0.08},
    {"dall-e-3", "hd", 1792, 1024, 0.12},
    {"dall-e-2", "standard", 1024, 1024, 0.02},
    {"dall-e-2", "standard", 512, 512, 0.018},
    {"dall-e-2", "standard", 256, 256, 0.016},
};

std::string_view ListedQuality(std::string_view model, std::string_view quality) {
  std::string_view first;
  for (const ListPrice& price : kListPrices) {
    if (price.model != model) continue;
    if (price.quality == quality) return quality;
    if (first.empty()) first = price.quality;
  }
  return first;
}

const ListPrice* Nearest(std::string_view model, std::string_view quality, long long pixels) {
  const ListPrice* best = nullptr;
  long long best_distance = 0;
  for (const ListPrice& price : kListPrices) {
    if (price.model != model || price.quality != quality) continue;
    const long long distance =
        std::llabs(static_cast<long long>(price.width) * price.height - pixels);
    if (!best || distance < best_distance) {
      best = &price;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

PriceTable PriceTable::Builtin() {
  PriceTable table;
  table.builtin_ = true;
  return table;
}

void PriceTable::Set(std::string_view model, double usd) {
  fixed_.insert_or_assign(std::string(model), usd);
}

double PriceTable::PerImage(std::string_view model, std::string_view quality, int width,
                            int height) const {
  const std::string_view bare = BareModel(model);
  for (const std::string_view name : {model, bare}) {
    if (const auto fixed = fixed_.find(name); fixed != fixed_.end()) return fixed->second;
  }
  if (!builtin_) return default_usd_;
  const bool sized = width > 0 && height > 0;
  const long long pixels = sized ? static_cast<long long>(width) * height : 1024LL * 1024;
  const ListPrice* price = Nearest(bare, ListedQuality(bare, quality), pixels);
  return price ? price->usd : default_usd_;
}

double PriceOf(const PriceTable& prices, const GenerateRequest& request) {
  return prices.PerImage(request.model, QualityIn(request.params), request.width, request.height);
}

std::string QualityIn(std::string_view params) {
  const auto read = nlohmann::json::parse(params, nullptr, false);
  if (!read.is_object()) return {};
  const auto quality = read.find("quality");
  return quality != read.end() && quality->is_string() ? quality->get<std::string>() : "";
}

}  // namespace reprise
