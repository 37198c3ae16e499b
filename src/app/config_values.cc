#include "app/config_values.h"

#include <algorithm>
#include <vector>

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

}  // namespace reprise
