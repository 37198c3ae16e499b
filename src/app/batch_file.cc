#include "app/batch_file.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

namespace reprise {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;

template <class T>
std::optional<T> Number(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

// YAML's core schema, without octal and hexadecimal numbers.
json Plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  if (const auto whole = Number<std::int64_t>(text)) return *whole;
  const bool digits = text.find_first_of("0123456789") != std::string::npos;
  const auto real = digits ? Number<double>(text) : std::nullopt;
  if (real && std::isfinite(*real)) return *real;
  return text;
}

std::unexpected<Error> At(const YAML::Node& node, const std::string& name,
                          const std::string& message) {
  return Fail(Code::kInvalidArgument,
              name + ":" + std::to_string(node.Mark().line + 1) + ": " + message);
}

// Aliases can make a file without end of a few lines: what is converted is bounded.
class Converter {
 public:
  explicit Converter(const std::string& name) : name_(name) {}

  Result<json> Convert(const YAML::Node& node, int depth = 0) {
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      return At(node, name_, "the file is too large or too deep");
    }
    if (node.IsMap()) return Map(node, depth);
    if (node.IsSequence()) return Sequence(node, depth);
    if (!node.IsScalar()) return json();
    return node.Tag() == "!" ? json(node.Scalar()) : Plain(node.Scalar());
  }

 private:
  static constexpr std::size_t kMaxNodes = 1'000'000;

  Result<json> Map(const YAML::Node& node, int depth) {
    json object = json::object();
    for (const auto& item : node) {
      if (!item.first.IsScalar()) return At(item.first, name_, "a key must be a text");
      const std::string& key = item.first.Scalar();
      if (object.contains(key)) return At(item.first, name_, "'" + key + "' stands twice");
      auto value = Convert(item.second, depth + 1);
      if (!value) return value;
      object[key] = std::move(*value);
    }
    return object;
  }

  Result<json> Sequence(const YAML::Node& node, int depth) {
    json array = json::array();
    for (const auto& item : node) {
      auto value = Convert(item, depth + 1);
      if (!value) return value;
      array.push_back(std::move(*value));
    }
    return array;
  }

  const std::string& name_;
  std::size_t nodes_ = 0;
};

// A map of items as a list, which keeps their order.
Result<json> Listed(Converter& converter, const YAML::Node& items, const std::string& name) {
  json list = json::array();
  for (const auto& item : items) {
    auto converted = converter.Convert(item.second);
    if (!converted) return converted;
    if (!converted->is_object()) return At(item.second, name, "an item must have members");
    (*converted)["name"] = item.first.Scalar();
    list.push_back(std::move(*converted));
  }
  return list;
}

Result<json> ReadRoot(const YAML::Node& root, const std::string& name) {
  if (!root.IsMap()) return At(root, name, "expected 'items:' and other members of a batch");
  Converter converter(name);
  json body = json::object();
  for (const auto& member : root) {
    const std::string key = member.first.Scalar();
    if (body.contains(key)) return At(member.first, name, "'" + key + "' stands twice");
    auto value = key == "items" && member.second.IsMap() ? Listed(converter, member.second, name)
                                                         : converter.Convert(member.second);
    if (!value) return value;
    body[key] = std::move(*value);
  }
  return body;
}

}  // namespace

Result<json> ParseBatchFile(const std::string& yaml, const std::string& name) {
  try {
    return ReadRoot(YAML::Load(yaml), name);
  } catch (const YAML::Exception& error) {
    return Fail(Code::kInvalidArgument,
                name + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

Result<json> ReadBatchFile(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || std::filesystem::is_directory(file) || !(text << stream.rdbuf())) {
    return Fail(Code::kInvalidArgument, "cannot read the batch file " + file.string());
  }
  return ParseBatchFile(text.str(), file.string());
}

}  // namespace reprise
