// Templates of a batch's items: {{name}} in any text of an item is replaced. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

using TemplateVariables = std::map<std::string, std::string, std::less<>>;

// Letters, digits and _ - . from the first character on.
bool IsTemplateName(std::string_view name);

// Replaces {{name}}, blanks around the name allowed, in every string below `value` (not in keys);
// what was put in is not looked at again. Braces around anything that is no name stay as they are.
// kInvalidArgument for a name that is not there, kTooLarge when its texts would have more than
// `room` bytes. `value` is left half done after an error.
Result<void> FillTemplates(const TemplateVariables& variables, nlohmann::json& value,
                           std::size_t room);

}  // namespace reprise
