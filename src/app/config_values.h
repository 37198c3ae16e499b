// What the readers of the configuration share. Internal to app/config.
#pragma once

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

// What is wrong, and where.
struct ConfigFault {
  YAML::Node where;
  std::string message;
};

inline std::unexpected<Error> ExpectedValue(std::string_view what, std::string_view value) {
  return Fail(Code::kInvalidArgument,
              "expected " + std::string(what) + ", found '" + std::string(value) + "'");
}

template <class T>
Result<T> ParseNumber(std::string_view text, T min, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= min && value <= max)) {
    std::ostringstream range;
    range << "a number from " << min << " to " << max;
    return ExpectedValue(range.str(), text);
  }
  return value;
}

// An http or https address without the slashes at its end, as paths are appended; may be empty.
Result<std::string> ParseAddress(std::string_view value);

// The known name that `name` may be a slip of; empty when none is near.
std::string_view NearestName(std::string_view name, std::span<const std::string_view> known);

}  // namespace reprise
