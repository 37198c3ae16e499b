// multipart/form-data as the simulated edits and variations read it. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace reprise {

// Views into the body.
struct FormPart {
  std::string_view name;
  std::string_view filename;  // empty: a plain field
  std::string_view body;
};

// RFC 7578. kInvalidArgument when the boundary or a part's name is missing.
Result<std::vector<FormPart>> ReadForm(std::string_view content_type, std::string_view body);

}  // namespace reprise
