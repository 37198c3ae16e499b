#include "http/message.h"

#include <algorithm>

namespace reprise::http {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

std::string_view Response::BodyView() const {
  if (const auto* text = std::get_if<std::string>(&body)) return *text;
  if (const auto* file = std::get_if<FileBody>(&body)) {
    return file->before.empty() ? file->file->view() : std::string_view();
  }
  const auto* shared = std::get_if<SharedBytes>(&body);
  return shared && *shared ? std::string_view(**shared) : std::string_view();
}

std::size_t Response::BodySize() const {
  const auto* file = std::get_if<FileBody>(&body);
  return file ? file->before.size() + file->file->size() : BodyView().size();
}

std::shared_ptr<BodyStream> Response::Stream() const {
  const auto* stream = std::get_if<std::shared_ptr<BodyStream>>(&body);
  return stream ? *stream : nullptr;
}

Response Json(int status, std::string text) {
  Response response{.status = status, .headers = {}, .body = std::move(text)};
  response.Set("Content-Type", "application/json");
  return response;
}

std::string MediaTypeOf(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(), Lower);
  return type;
}

}  // namespace reprise::http
