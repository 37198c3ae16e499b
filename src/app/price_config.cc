#include "app/price_config.h"

#include <charconv>
#include <optional>

namespace reprise {
namespace {

constexpr double kMostUsd = 1000;

std::expected<double, ConfigFault> ReadUsd(const YAML::Node& node, const std::string& path,
                                           ExpandValue expand) {
  const auto usd = ParseNumber<double>(expand(node.as<std::string>("")), 0, kMostUsd);
  if (usd) return *usd;
  return std::unexpected(ConfigFault{node, "'" + path + "': " + usd.error().message});
}

// "1024x1536"; false for any other word.
bool ReadSize(std::string_view word, PriceRow& row) {
  const char* end = word.data() + word.size();
  const auto width = std::from_chars(word.data(), end, row.width);
  if (width.ec != std::errc() || width.ptr == end || *width.ptr != 'x') return false;
  const auto height = std::from_chars(width.ptr + 1, end, row.height);
  return height.ec == std::errc() && height.ptr == end && row.width > 0 && row.height > 0;
}

// "high", "1024x1024" or "high 1024x1024".
std::optional<PriceRow> ReadKey(std::string_view key) {
  PriceRow row;
  const auto blank = key.rfind(' ');
  const std::string_view last = key.substr(blank == std::string_view::npos ? 0 : blank + 1);
  const bool sized = ReadSize(last, row);
  if (!sized) row.width = row.height = 0;
  std::string_view quality = key;
  if (sized) quality = blank == std::string_view::npos ? "" : key.substr(0, blank);
  if (key.empty() || quality.find(' ') != std::string_view::npos) return std::nullopt;
  row.quality = quality;
  return row;
}

std::expected<std::vector<PriceRow>, ConfigFault> ReadRows(const YAML::Node& node,
                                                           const std::string& path,
                                                           ExpandValue expand) {
  if (!node.IsMap()) {
    const auto usd = ReadUsd(node, path, expand);
    if (!usd) return std::unexpected(usd.error());
    return std::vector<PriceRow>{{.usd = *usd}};
  }
  std::vector<PriceRow> rows;
  for (const auto& item : node) {
    const auto key = item.first.as<std::string>("");
    auto row = ReadKey(key);
    if (!row) {
      return std::unexpected(ConfigFault{
          item.first, "'" + path +
                          "': expected a quality, a size or both, e.g. 'high 1024x1024', "
                          "found '" +
                          key + "'"});
    }
    const auto usd = ReadUsd(item.second, path, expand);
    if (!usd) return std::unexpected(usd.error());
    row->usd = *usd;
    rows.push_back(std::move(*row));
  }
  if (!rows.empty()) return rows;
  return std::unexpected(ConfigFault{node, "'" + path + "' has a model without a price"});
}

}  // namespace

std::expected<ModelPrices, ConfigFault> ReadPrices(const YAML::Node& node, const std::string& path,
                                                   ExpandValue expand) {
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{node, "'" + path + "' maps model names to US dollars"});
  }
  ModelPrices prices;
  for (const auto& item : node) {
    auto rows = ReadRows(item.second, path, expand);
    if (!rows) return std::unexpected(std::move(rows.error()));
    prices[item.first.as<std::string>()] = std::move(*rows);
  }
  return prices;
}

}  // namespace reprise
