#include "gateway/batch_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "gateway/json_input.h"

namespace reprise {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

std::unexpected<Error> Unknown(const TemplateVariables& variables, std::string_view name) {
  std::string known;
  for (const auto& [key, value] : variables) known += (known.empty() ? "" : ", ") + key;
  return Fail(Code::kInvalidArgument,
              "{{" + Excerpt(name) + "}} is not among 'variables'" +
                  (known.empty() ? ", of which there are none" : "; there are " + Excerpt(known)),
              "variables");
}

Result<std::string> Fill(const TemplateVariables& variables, std::string_view text) {
  std::string out;
  for (;;) {
    const auto open = text.find(kOpen);
    const auto close = open == text.npos ? text.npos : text.find(kClose, open);
    if (close == text.npos) return out.append(text);
    const auto name = Trim(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    if (!IsTemplateName(name)) {
      out.append(text.substr(0, open + 1));
      text.remove_prefix(open + 1);
      continue;
    }
    const auto found = variables.find(name);
    if (found == variables.end()) return Unknown(variables, name);
    out.append(text.substr(0, open)).append(found->second);
    text.remove_prefix(close + kClose.size());
  }
}

}  // namespace

bool IsTemplateName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Result<void> FillTemplates(const TemplateVariables& variables, nlohmann::json& value) {
  if (value.is_string()) {
    auto filled = Fill(variables, value.get_ref<const std::string&>());
    if (!filled) return std::unexpected(filled.error());
    value = std::move(*filled);
    return {};
  }
  if (!value.is_structured()) return {};
  for (nlohmann::json& member : value) {
    if (auto filled = FillTemplates(variables, member); !filled) return filled;
  }
  return {};
}

}  // namespace reprise
