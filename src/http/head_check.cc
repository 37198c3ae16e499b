#include "http/head_check.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http/message.h"

namespace reprise::http {
namespace {

bool IsToken(std::string_view text) {
  return text.find_first_of(" \t") == std::string_view::npos;
}

// Why the request must be refused although it could be read: a proxy in front of us may have read
// it differently, and taken its end, or its host, for another (RFC 9112, 3.2 and 6.3). The parser
// has refused two lengths, and a length beside an encoding. Empty: nothing is wrong.
std::string_view Objection(const restinio::http_request_header_t& head) {
  int hosts = 0, encodings = 0;
  std::string_view objection;
  head.for_each_field([&](const restinio::http_header_field_t& field) {
    if (!IsToken(field.name())) objection = "a header name contains a blank";
    if (EqualsIgnoreCase(field.name(), "Host")) ++hosts;
    if (!EqualsIgnoreCase(field.name(), "Transfer-Encoding")) return;
    if (++encodings > 1 || !EqualsIgnoreCase(field.value(), "chunked")) {
      objection = "Transfer-Encoding must be chunked, given once";
    }
  });
  if (hosts > 1) objection = "Host must be given once";
  return objection;
}

// Of one line, a list whose members may be empty (RFC 9110, 5.6.1).
Expectation ExpectationOfLine(std::string_view list) {
  Expectation expectation = Expectation::kNone;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view member = Trim(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (member.empty()) continue;
    if (!EqualsIgnoreCase(member, "100-continue")) return Expectation::kUnknown;
    expectation = Expectation::kContinue;
  }
  return expectation;
}

}  // namespace

bool SpeaksHttp11(const restinio::http_request_header_t& head) {
  return head.http_major() > 1 || (head.http_major() == 1 && head.http_minor() > 0);
}

Expectation ExpectationOf(const restinio::http_request_header_t& head) {
  Expectation expectation = Expectation::kNone;
  if (!SpeaksHttp11(head) || !head.has_field(restinio::http_field_t::expect)) return expectation;
  head.for_each_field([&](const restinio::http_header_field_t& field) {
    if (field.field_id() != restinio::http_field_t::expect) return;
    expectation = std::max(expectation, ExpectationOfLine(field.value()));
  });
  return expectation;
}

std::optional<HeadRefusal> RefusalOfHead(const restinio::http_request_header_t& head,
                                         std::size_t body_bytes) {
  if (const auto objection = Objection(head); !objection.empty()) {
    return HeadRefusal{{Code::kInvalidArgument, std::string(objection)}};
  }
  const Expectation expectation = ExpectationOf(head);
  if (expectation == Expectation::kUnknown) {
    constexpr std::size_t kShown = 60;
    const std::string value = head.get_field(restinio::http_field_t::expect).substr(0, kShown);
    return HeadRefusal{{Code::kInvalidArgument, "Expect '" + value +
                                                    "': the only expectation that is met is "
                                                    "100-continue; leave the header out"},
                       417};
  }
  if (expectation == Expectation::kContinue && head.content_length() > body_bytes) {
    return HeadRefusal{BodyTooLarge(head.content_length(), body_bytes)};
  }
  return std::nullopt;
}

Error BodyTooLarge(std::uint64_t size, std::size_t limit) {
  return {Code::kTooLarge, "the request body has " + std::to_string(size) + " bytes; at most " +
                               std::to_string(limit) + " are accepted (setting limits.body)"};
}

}  // namespace reprise::http
