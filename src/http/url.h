// The parts of an http or https URL. Pure; safe for any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace reprise::http {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 addresses without brackets
  int port = 0;        // the scheme's own when the text names none
  std::string path;    // starts with "/"; neither query nor fragment

  // scheme://host:port/path: what messages and logs may show. Credentials and queries are secrets.
  std::string Printable() const;
};

// kInvalidArgument, without repeating the text, for anything but http or https with a host.
Result<Url> ParseUrl(const std::string& text);

// Where a redirect from `base` to `location` leads, which may be relative (RFC 3986, 5).
// kInvalidArgument unless that is a URL of ParseUrl's kind.
Result<std::string> ResolveUrl(const std::string& base, const std::string& location);

// Whether `host` names this machine or a private network by itself: "localhost", "*.localhost" or
// a literal address that IsPublicAddress refuses. Looks nothing up.
bool IsPrivateHost(const std::string& host);

}  // namespace reprise::http
