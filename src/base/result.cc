#include "base/result.h"

namespace reprise {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kUnauthorized:
      return "unauthorized";
    case Code::kForbidden:
      return "forbidden";
    case Code::kNotFound:
      return "not_found";
    case Code::kConflict:
      return "conflict";
    case Code::kTooLarge:
      return "too_large";
    case Code::kRateLimited:
      return "rate_limited";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kDeadlineExceeded:
      return "deadline_exceeded";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kBadUpstream:
      return "bad_upstream";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

int HttpStatus(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
      return 400;
    case Code::kUnauthorized:
      return 401;
    case Code::kForbidden:
      return error.upstream_status == 400 ? 400 : 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kTooLarge:
      return 413;
    case Code::kRateLimited:
      return 429;
    case Code::kOverloaded:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kUnavailable:
      return 502;
    case Code::kBadUpstream:
      return 502;
    case Code::kCorrupt:
      return 500;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

int ExitCode(const Error& error) {
  return error.code == Code::kInvalidArgument ? 2 : 1;
}

}  // namespace reprise
