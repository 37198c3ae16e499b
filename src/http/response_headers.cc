#include "http/response_headers.h"

#include <algorithm>

namespace reprise::http {
namespace {

constexpr std::string_view kSeparator = ": ";
constexpr std::string_view kLineEnd = "\r\n";
// More than the head of an image has.
constexpr std::size_t kUsualSize = 640;

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Looks at all of them, which a compiler makes faster than to stop at the first.
bool HasControl(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= IsControl(c);
  return found;
}

}  // namespace

ResponseHeaders::value_type ResponseHeaders::const_iterator::operator*() const {
  const std::string_view line = rest_.substr(0, rest_.find(kLineEnd));
  const std::size_t colon = line.find(kSeparator);
  return {line.substr(0, colon), line.substr(colon + kSeparator.size())};
}

ResponseHeaders::const_iterator& ResponseHeaders::const_iterator::operator++() {
  rest_.remove_prefix(rest_.find(kLineEnd) + kLineEnd.size());
  return *this;
}

ResponseHeaders::const_iterator ResponseHeaders::const_iterator::operator++(int) {
  return std::exchange(*this, std::next(*this));
}

ResponseHeaders::ResponseHeaders(std::initializer_list<value_type> headers) {
  for (const auto& [name, value] : headers) Add(name, value);
}

void ResponseHeaders::Add(std::string_view name, std::string_view value) {
  if (lines_.empty()) lines_.reserve(kUsualSize);
  const std::size_t at = lines_.size();
  lines_.append(name).append(kSeparator).append(value);
  if (HasControl(std::string_view(lines_).substr(at))) {
    std::replace_if(lines_.begin() + static_cast<std::ptrdiff_t>(at), lines_.end(), IsControl, ' ');
  }
  lines_.append(kLineEnd);
}

}  // namespace reprise::http
