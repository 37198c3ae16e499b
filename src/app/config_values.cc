#include "app/config_values.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "app/config.h"

namespace reprise {
namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Result<std::string> ParseAddress(std::string_view value) {
  if (!value.empty() && !value.starts_with("http://") && !value.starts_with("https://")) {
    return ExpectedValue("an http:// or https:// address", value);
  }
  while (value.ends_with('/')) value.remove_suffix(1);
  return std::string(value);
}

std::string_view NearestName(std::string_view name, std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t nearest = std::max<std::size_t>(3, name.size() / 2);
  for (const std::string_view one : known) {
    const std::size_t distance = EditDistance(name, one);
    if (distance >= nearest) continue;
    nearest = distance;
    best = one;
  }
  return best;
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  // Clocks count nanoseconds in 64 bits, which three times as much would not fit.
  constexpr double kMaxDurationMs = 36'500 * 86'400'000.0;
  struct Unit {
    std::string_view suffix;
    std::int64_t millis;
  };
  constexpr Unit kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  if (text == "0") return std::chrono::milliseconds(0);
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = text.substr(0, text.size() - unit.suffix.size());
    const auto factor = static_cast<double>(unit.millis);
    const auto value = ParseNumber<double>(number, 0, kMaxDurationMs / factor);
    if (value) return std::chrono::milliseconds(static_cast<std::int64_t>(*value * factor));
  }
  return ExpectedValue("a duration such as 1500ms, 30s, 5m, 12h or 30d, of 100 years at most",
                       text);
}

Result<std::size_t> ParseBytes(std::string_view text) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 50;
  std::size_t factor = 1;
  std::string_view number = text;
  for (const auto& [suffix, shift] :
       {std::pair<std::string_view, int>{"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}}) {
    if (!text.ends_with(suffix)) continue;
    number = text.substr(0, text.size() - suffix.size());
    factor = std::size_t{1} << shift;
  }
  auto value = ParseNumber<std::size_t>(number, 0, kMaxBytes / factor);
  if (!value) {
    return ExpectedValue("a number of bytes such as 4096, 64KB, 256MB or 10GB, at most 1024TB",
                         text);
  }
  return *value * factor;
}

}  // namespace reprise
