#include "upstream/usage.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;

// Adds the numbers of `more` to those of `total`, at any depth; all else is taken from the first.
void AddUsage(json& total, const json& more) {
  for (const auto& [key, value] : more.items()) {
    json& own = total[key];
    if (own.is_null()) {
      own = value;
    } else if (own.is_object() && value.is_object()) {
      AddUsage(own, value);
    } else if (own.is_number_integer() && value.is_number_integer()) {
      own = own.get<std::int64_t>() + value.get<std::int64_t>();
    } else if (own.is_number() && value.is_number()) {
      own = own.get<double>() + value.get<double>();
    }
  }
}

}  // namespace

std::string SumUsage(const std::string& total, const std::string& more) {
  if (total.empty() || more.empty()) return total + more;
  json sum = json::parse(total);  // both were written by json::dump
  AddUsage(sum, json::parse(more));
  return sum.dump();
}

}  // namespace reprise
