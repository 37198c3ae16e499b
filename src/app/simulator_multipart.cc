#include "app/simulator_multipart.h"

#include <string>

namespace reprise {
namespace {

// The value of `name="..."` or `name=...` in a header, or an empty view.
std::string_view Parameter(std::string_view header, std::string_view name) {
  const auto at = header.find("; " + std::string(name) + "=");
  if (at == std::string_view::npos) return {};
  std::string_view value = header.substr(at + name.size() + 3);
  if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
  return value.substr(0, value.find_first_of("; \r\n"));
}

}  // namespace

Result<std::vector<FormPart>> ReadForm(std::string_view content_type, std::string_view body) {
  const std::string_view boundary = Parameter(content_type, "boundary");
  if (boundary.empty()) return Fail(Code::kInvalidArgument, "the form has no boundary");
  const std::string mark = "--" + std::string(boundary);
  std::vector<FormPart> parts;
  auto at = body.find(mark);
  while (at != std::string_view::npos) {
    at += mark.size();
    const auto end = body.find("\r\n" + mark, at);
    if (body.substr(at, 2) == "--" || end == std::string_view::npos) break;
    const std::string_view part = body.substr(at, end - at);
    const auto head = part.find("\r\n\r\n");
    if (head == std::string_view::npos) return Fail(Code::kInvalidArgument, "a part has no head");
    const std::string_view headers = part.substr(0, head);
    parts.push_back({.name = Parameter(headers, "name"),
                     .filename = Parameter(headers, "filename"),
                     .body = part.substr(head + 4)});
    if (parts.back().name.empty()) return Fail(Code::kInvalidArgument, "a part has no name");
    at = end + 2;
  }
  return parts;
}

}  // namespace reprise
