// multipart/form-data bodies (RFC 7578, RFC 2046 5.1): the parts of a form, as views. Strict, since
// whatever stands in front of us may read a doubtful body differently. Pure; safe for any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reprise::http {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // none: a field; some: a file, whatever it is called
  std::string content_type;             // as it stands in the part; empty: none given
  std::string_view body;                // into the form's bytes
};

struct FormLimits {
  std::size_t parts = 128;
  std::size_t header_bytes = 4096;  // of one part
};

// The boundary a Content-Type names. kInvalidArgument when it is not multipart/form-data, or names
// none, or one that RFC 2046 does not allow.
Result<std::string> FormBoundary(std::string_view content_type);

// The parts in their order. kInvalidArgument says what is wrong with which part: no first or last
// boundary, headers that are not form-data's, a transfer encoding; kTooLarge beyond `limits`. What
// stands before the first boundary and after the last is ignored, as RFC 2046 asks.
Result<std::vector<FormPart>> ParseForm(std::string_view body, std::string_view boundary,
                                        const FormLimits& limits = {});

}  // namespace reprise::http
