#include "base/json.h"

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

namespace dom = simdjson::dom;

// A parser keeps what its largest document took.
constexpr std::size_t kKeptCapacity = 1u << 20;
constexpr int kMaxDepth = 1024;  // simdjson's own

}  // namespace

nlohmann::json ToJson(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY: {
      auto array = nlohmann::json::array();
      for (dom::element item : dom::array(value)) array.push_back(ToJson(item));
      return array;
    }
    case dom::element_type::OBJECT: {
      auto object = nlohmann::json::object();
      for (const auto [key, item] : dom::object(value)) object[std::string(key)] = ToJson(item);
      return object;
    }
    case dom::element_type::INT64: {
      const auto number = std::int64_t(value);
      if (number >= 0) return static_cast<std::uint64_t>(number);  // as nlohmann reads it
      return number;
    }
    case dom::element_type::UINT64:
      return std::uint64_t(value);
    case dom::element_type::DOUBLE:
      return double(value);
    case dom::element_type::STRING:
      return std::string(std::string_view(value));
    case dom::element_type::BOOL:
      return bool(value);
    case dom::element_type::NULL_VALUE:
      return nullptr;
    default:
      return nullptr;
  }
}

nlohmann::json ParseJson(std::string_view text) {
  thread_local dom::parser parser(kKeptCapacity);
  dom::parser large;
  dom::element document;
  dom::parser& used = text.size() <= kKeptCapacity ? parser : large;
  if (used.parse(text.data(), text.size()).get(document) == simdjson::SUCCESS) {
    return ToJson(document);
  }
  // Which may take what simdjson does not: integers beyond 64 bits. Not what is nested deeper,
  // though: copying and writing it would take a call for every level, until the stack ends.
  bool deep = false;
  const auto watch = [&deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    deep = deep || depth > kMaxDepth;
    return !deep;
  };
  auto parsed = nlohmann::json::parse(text, watch, /*allow_exceptions=*/false);
  return deep ? nlohmann::json(nlohmann::json::value_t::discarded) : parsed;
}

std::string DumpJson(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace reprise
