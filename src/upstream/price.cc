#include "upstream/price.h"

#include <algorithm>
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

// The quality whose rows count.
std::string_view ListedQuality(const std::vector<PriceRow>& rows, std::string_view quality) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(rows, name, &PriceRow::quality) != rows.end();
  };
  if (has(quality)) return quality;
  return has("") ? "" : std::string_view(rows.front().quality);
}

// How far a row's size is from what is asked for. The size itself, then any size, then the nearest.
long long Distance(const PriceRow& row, long long pixels) {
  const long long own = static_cast<long long>(row.width) * row.height;
  if (own == pixels) return -1;
  return own == 0 ? 0 : std::llabs(own - pixels);
}

double Choose(const std::vector<PriceRow>& rows, std::string_view quality, long long pixels) {
  const std::string_view listed = ListedQuality(rows, quality);
  const PriceRow* best = nullptr;
  for (const PriceRow& row : rows) {
    if (row.quality != listed) continue;
    if (!best || Distance(row, pixels) < Distance(*best, pixels)) best = &row;
  }
  return best->usd;  // the listed quality has a row
}

}  // namespace

PriceTable PriceTable::Builtin() {
  PriceTable table;
  for (const ListPrice& price : kListPrices) {
    table.rows_[std::string(price.model)].push_back(
        {std::string(price.quality), price.width, price.height, price.usd});
  }
  return table;
}

void PriceTable::Set(std::string_view model, std::vector<PriceRow> rows) {
  rows_.insert_or_assign(std::string(model), std::move(rows));
}

double PriceTable::PerImage(std::string_view model, std::string_view quality, int width,
                            int height) const {
  const bool sized = width > 0 && height > 0;
  const long long pixels = sized ? static_cast<long long>(width) * height : 1024LL * 1024;
  for (const std::string_view name : {model, BareModel(model)}) {
    if (const auto rows = rows_.find(name); rows != rows_.end()) {
      return Choose(rows->second, quality, pixels);
    }
  }
  return default_usd_;
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
