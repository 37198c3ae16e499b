// The one error type of the project. A function that can fail returns Result<T>; a miss is a value
// (std::optional), not an error. Exceptions and codes of libraries become an Error where they
// enter.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace reprise {

enum class Code {
  kInvalidArgument,  // the caller's input is wrong; repeating it will not help
  kUnauthorized,     // no or a wrong credential
  kForbidden,        // a content policy or a permission refuses the request
  kNotFound,
  kConflict,
  kTooLarge,          // a limit on size was exceeded
  kRateLimited,       // ours or an upstream's limit; retry_after_ms says when to come back
  kOverloaded,        // a bounded queue is full
  kDeadlineExceeded,  // a wait ended before its result
  kUnavailable,       // an upstream or a dependency does not answer
  kBadUpstream,       // an upstream answered with something unusable
  kCorrupt,           // stored bytes are not what was written
  kInternal,
};

// Says what was wrong, with which value, and what to do about it.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  std::string param = {};        // the request field at fault, if one is
  std::string upstream = {};     // an upstream's own error code, e.g. "content_policy_violation"
  int upstream_status = 0;       // an upstream's HTTP status, 0 when there was none
  long long retry_after_ms = 0;  // 0: no advice
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Code code, std::string message, std::string param = {}) {
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .param = std::move(param)});
}

// "invalid_argument" and so on: for logs and metrics.
std::string_view CodeName(Code code);

// The HTTP status that tells a client about this error.
int HttpStatus(const Error& error);

// Process exit code: 2 for wrong usage, 1 otherwise.
int ExitCode(const Error& error);

}  // namespace reprise
