#include "gateway/json_input.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace reprise {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxName = 1000;
constexpr std::size_t kMaxValues = 1'000'000;
// A parser keeps buffers of some 14 times the largest body it has seen.
constexpr std::size_t kKeptParserBody = 1u << 20;

// At least as many as there are values: each but the first follows one of these.
std::size_t CountOpeners(std::string_view body) {
  return static_cast<std::size_t>(
      std::ranges::count_if(body, [](char c) { return c == ',' || c == '[' || c == '{'; }));
}

std::unexpected<Error> Wrong(std::string_view name, dom::element value, std::string_view wanted) {
  return Fail(Code::kInvalidArgument,
              "'" + std::string(name) + "' must be " + std::string(wanted) + ", not " +
                  Excerpt(simdjson::minify(value)),
              std::string(name));
}

// Sorted, not hashed: keys with one hash are easily made, and a million of them would take hours.
std::optional<std::string_view> KeyGivenTwice(dom::object object) {
  std::vector<std::string_view> keys;
  keys.reserve(object.size());
  for (const auto [key, value] : object) keys.push_back(key);
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return {};
  return *twice;
}

Result<void> Visit(dom::object object, const JsonField& field) {
  if (const auto key = KeyGivenTwice(object)) {
    return Fail(Code::kInvalidArgument, "'" + Excerpt(*key) + "' is given twice; give it once",
                Excerpt(*key));
  }
  for (const auto [key, value] : object) {
    if (auto done = field(key, value); !done) return done;
  }
  return {};
}

}  // namespace

Result<dom::element> ParseBody(std::string_view body, dom::parser& large) {
  if (body.size() > kMaxValues && CountOpeners(body) > kMaxValues) {
    return Fail(Code::kTooLarge, "the request body may hold more than " +
                                     std::to_string(kMaxValues) +
                                     " JSON values (',', '[' and '{' are counted); send fewer");
  }
  thread_local dom::parser kept;
  dom::parser& parser = body.size() <= kKeptParserBody ? kept : large;
  dom::element document;
  if (const auto error = parser.parse(body.data(), body.size()).get(document)) {
    return Fail(Code::kInvalidArgument, std::string("the request body is not valid JSON: ") +
                                            simdjson::error_message(error));
  }
  return document;
}

Result<void> ForEachField(std::string_view body, const JsonField& field) {
  dom::parser large;
  const auto document = ParseBody(body, large);
  if (!document) return std::unexpected(document.error());
  dom::object object;
  if (document->get(object) != simdjson::SUCCESS) {
    return Fail(Code::kInvalidArgument, "the request body must be a JSON object");
  }
  return Visit(object, field);
}

Result<void> ForEachField(dom::element value, std::string_view name, const JsonField& field) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return Wrong(name, value, "an object");
  return Visit(object, field);
}

std::unexpected<Error> Invalid(std::string_view param, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message), std::string(param));
}

bool IsBlank(std::string_view text) {
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    const auto type = u_charType(c);
    const bool unseen = u_isUWhiteSpace(c) || type == U_CONTROL_CHAR || type == U_FORMAT_CHAR;
    if (c < 0 || !unseen) return false;
  }
  return true;
}

std::string Excerpt(std::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return std::string(text);
  std::size_t end = kMost - 3;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

Result<std::string> ReadString(std::string_view name, dom::element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return Wrong(name, value, "a string");
  return std::string(text);
}

Result<std::string> ReadName(std::string_view name, dom::element value) {
  auto text = ReadString(name, value);
  if (!text || text->size() <= kMaxName) return text;
  return Fail(Code::kInvalidArgument,
              "'" + std::string(name) + "' has " + std::to_string(text->size()) +
                  " bytes; at most " + std::to_string(kMaxName) + " are accepted",
              std::string(name));
}

Result<bool> ReadBool(std::string_view name, dom::element value) {
  bool flag = false;
  if (value.get(flag) != simdjson::SUCCESS) return Wrong(name, value, "true or false");
  return flag;
}

Result<std::int64_t> ReadInteger(std::string_view name, dom::element value, std::int64_t min,
                                 std::int64_t max) {
  std::int64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number < min || number > max) {
    const bool bounded = max != std::numeric_limits<std::int64_t>::max();
    return Wrong(name, value,
                 bounded
                     ? "a whole number from " + std::to_string(min) + " to " + std::to_string(max)
                     : "a whole number of at least " + std::to_string(min));
  }
  return number;
}

Result<double> ReadNumber(std::string_view name, dom::element value, double min, double max) {
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS || !(number >= min && number <= max)) {
    return Wrong(name, value, fmt::format("a number from {:g} to {:g}", min, max));
  }
  return number;
}

Result<std::uint64_t> ReadId(std::string_view name, std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 1) {
    return Invalid(name, "'" + std::string(name) + "' must be a whole number of at least 1, not '" +
                             Excerpt(text) + "'");
  }
  return static_cast<std::uint64_t>(id);
}

Result<std::uint64_t> ReadEntryId(std::string_view name, dom::element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return ReadId(name, text);
  const auto id = ReadInteger(name, value, 1, std::numeric_limits<std::int64_t>::max());
  if (!id) return std::unexpected(id.error());
  return static_cast<std::uint64_t>(*id);
}

}  // namespace reprise
