#include "http/range.h"

#include <optional>
#include <restinio/all.hpp>
#include <restinio/helpers/http_field_parsers/range.hpp>
#include <string>

#include "base/text.h"

namespace reprise::http {
namespace {

namespace fields = restinio::http_field_parsers;
using Position = std::uint64_t;
using Spec = fields::range_details::byte_range_spec_t<Position>;

struct Slice {
  Position first = 0;
  Position length = 0;  // 0: cannot be satisfied
};

Slice Resolve(const fields::range_details::double_ended_range_t<Position>& range, Position size) {
  if (range.first >= size) return {};
  return {range.first, std::min(range.last, size - 1) - range.first + 1};
}
Slice Resolve(const fields::range_details::open_ended_range_t<Position>& range, Position size) {
  if (range.first >= size) return {};
  return {range.first, size - range.first};
}
Slice Resolve(const fields::range_details::suffix_length_t<Position>& range, Position size) {
  const Position length = std::min(range.length, size);
  return {size - length, length};
}

// The single byte range asked for; nothing when there is none, it is malformed, or there are many.
std::optional<Spec> SingleRange(std::string_view header) {
  if (header.empty()) return std::nullopt;
  auto parsed = fields::range_value_t<Position>::try_parse(
      restinio::string_view_t(header.data(), header.size()));
  if (!parsed) return std::nullopt;
  const auto* bytes =
      std::get_if<fields::range_value_t<Position>::byte_ranges_specifier_t>(&parsed->value);
  if (!bytes || bytes->ranges.size() != 1) return std::nullopt;
  const auto* closed =
      std::get_if<fields::range_details::double_ended_range_t<Position>>(&bytes->ranges[0]);
  if (closed && closed->last < closed->first) return std::nullopt;  // not a range at all
  return bytes->ranges[0];
}

// What the headers said of the whole (its type, how long to keep it) is not true of this refusal.
Response Unsatisfiable(std::string_view etag, Position size) {
  Response response{.status = 416, .headers = {}, .body = std::string()};
  response.Set("ETag", etag);
  response.Set("Content-Range", "bytes */" + std::to_string(size));
  return response;
}

Response Partial(Spec spec, std::string_view etag, Response whole) {
  const Position size = whole.BodyView().size();
  const Slice slice = std::visit([&](const auto& range) { return Resolve(range, size); }, spec);
  if (slice.length == 0) return Unsatisfiable(etag, size);
  whole.status = 206;
  whole.Set("Content-Range", "bytes " + std::to_string(slice.first) + "-" +
                                 std::to_string(slice.first + slice.length - 1) + "/" +
                                 std::to_string(size));
  whole.body = std::string(whole.BodyView().substr(slice.first, slice.length));
  return whole;
}

}  // namespace

bool EtagMatches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const auto comma = if_none_match.find(',');
    std::string_view item = Trim(if_none_match.substr(0, comma));
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == "*" || item == etag) return true;
    if (comma == std::string_view::npos) break;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

Response ApplyConditions(const Request& request, std::string_view etag, Response whole) {
  whole.Set("ETag", etag);
  whole.Set("Accept-Ranges", "bytes");
  for (const auto& [name, value] : request.headers) {  // a list may be split over several lines
    if (!EqualsIgnoreCase(name, "If-None-Match") || !EtagMatches(value, etag)) continue;
    whole.status = 304;  // the server sends its length, not its body
    return whole;
  }
  const auto if_range = request.Header("If-Range");
  if (!if_range.empty() && if_range != etag) return whole;
  if (request.method != "GET") return whole;
  const auto spec = SingleRange(request.Header("Range"));
  if (!spec) return whole;
  return Partial(*spec, etag, std::move(whole));
}

}  // namespace reprise::http
