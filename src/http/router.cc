#include "http/router.h"

#include <curl/curl.h>

#include <algorithm>

namespace reprise::http {
namespace {

// "/a/b" is ["a", "b"]; a trailing slash makes an empty last segment, which matches no name.
std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  segments.reserve(8);
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (true) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsName(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "{name...}": all that is left of the path.
bool IsRest(std::string_view segment) {
  return IsName(segment) && segment.ends_with("...}");
}

// Whether `a` says more than `b` about the paths both match: a literal where `b` has a name, a name
// where `b` takes all that is left.
bool IsMoreSpecific(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (IsName(a[i]) != IsName(b[i])) return IsName(b[i]);
    if (IsRest(a[i]) != IsRest(b[i])) return IsRest(b[i]);
  }
  return false;
}

// What is left of `path` from one of its segments on.
std::string_view RestOf(std::string_view path, std::string_view segment) {
  return path.substr(static_cast<std::size_t>(segment.data() - path.data()));
}

bool Matches(const std::vector<std::string>& pattern,
             const std::vector<std::string_view>& segments) {
  const bool rest = IsRest(pattern.back()) && segments.size() > pattern.size();
  if (!rest && pattern.size() != segments.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (rest && i + 1 == pattern.size()) return true;  // slashes, so not empty
    if (IsName(pattern[i]) ? segments[i].empty() : pattern[i] != segments[i]) return false;
  }
  return true;
}

}  // namespace

void Router::Add(std::string method, std::string pattern, Handler handler) {
  Route route{.method = std::move(method),
              .pattern = std::move(pattern),
              .segments = {},
              .handler = std::move(handler)};
  for (auto segment : Split(route.pattern)) route.segments.emplace_back(segment);
  const std::string& first = route.segments.front();
  (IsName(first) ? with_any_first_ : by_first_[first]).push_back(routes_.size());
  routes_.push_back(std::move(route));
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  const auto segments = Split(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const Route* best = nullptr;
  std::vector<std::string_view> others;
  const auto consider = [&](const std::vector<std::size_t>& routes) {
    for (const std::size_t index : routes) {
      const Route& route = routes_[index];
      if (!Matches(route.segments, segments)) continue;
      if (route.method == wanted) {
        if (!best || IsMoreSpecific(route.segments, best->segments)) best = &route;
      } else if (std::find(others.begin(), others.end(), route.method) == others.end()) {
        others.push_back(route.method);
        if (route.method == "GET") others.push_back("HEAD");
      }
    }
  };
  if (const auto named = by_first_.find(segments.front()); named != by_first_.end()) {
    consider(named->second);
  }
  consider(with_any_first_);
  Match match;
  if (!best) {
    for (const auto other : others) match.allow.append(match.allow.empty() ? "" : ", ") += other;
    return match;
  }
  match.handler = &best->handler;
  for (std::size_t i = 0; i < best->segments.size(); ++i) {
    if (!IsName(best->segments[i])) continue;
    const bool rest = IsRest(best->segments[i]);
    match.params.push_back(PercentDecode(rest ? RestOf(path, segments[i]) : segments[i]));
  }
  return match;
}

std::string PercentDecode(std::string_view text) {
  // Also when it is empty: a length of 0 would have curl look for the end by itself.
  if (text.find('%') == text.npos) return std::string(text);
  int length = 0;
  char* decoded = curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &length);
  if (!decoded) return std::string(text);
  std::string result(decoded, static_cast<std::size_t>(length));
  curl_free(decoded);
  return result;
}

}  // namespace reprise::http
