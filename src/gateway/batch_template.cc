#include "gateway/batch_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

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

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

struct Reference {
  std::string_view name;
  std::size_t length;  // with its braces
};

// What the text, which begins with {{, begins with. It looks no further than that takes, so that a
// text of nothing but braces costs no more than another.
std::optional<Reference> ReferenceAt(std::string_view text) {
  const auto skip = [text](std::size_t at, auto&& belongs) {
    while (at < text.size() && belongs(text[at])) ++at;
    return at;
  };
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  const std::size_t name = skip(kOpen.size(), is_blank);
  const std::size_t name_end = skip(name, IsNameCharacter);
  const std::size_t close = skip(name_end, is_blank);
  if (name == name_end || !text.substr(close).starts_with(kClose)) return {};
  return Reference{text.substr(name, name_end - name), close + kClose.size()};
}

// One text after another, as long as there is room.
class Filler {
 public:
  Filler(const TemplateVariables& variables, std::size_t room)
      : variables_(variables), room_(room) {}

  Result<void> FillAll(nlohmann::json& value) {
    if (value.is_string()) {
      auto filled = Fill(value.get_ref<const std::string&>());
      if (!filled) return std::unexpected(filled.error());
      value = std::move(*filled);
      return {};
    }
    if (!value.is_structured()) return {};
    for (nlohmann::json& member : value) {
      if (auto filled = FillAll(member); !filled) return filled;
    }
    return {};
  }

 private:
  Result<std::string> Fill(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const auto open = std::min(text.find(kOpen), text.size());
      if (auto added = Append(out, text.substr(0, open)); !added) {
        return std::unexpected(added.error());
      }
      text.remove_prefix(open);
      if (text.empty()) break;
      const auto reference = ReferenceAt(text);
      const auto put =
          reference ? ValueOf(reference->name) : Result<std::string_view>(text.substr(0, 1));
      if (!put) return std::unexpected(put.error());
      if (auto added = Append(out, *put); !added) return std::unexpected(added.error());
      text.remove_prefix(reference ? reference->length : 1);
    }
    return out;
  }

  Result<std::string_view> ValueOf(std::string_view name) const {
    const auto found = variables_.find(name);
    if (found == variables_.end()) return Unknown(variables_, name);
    return found->second;
  }

  Result<void> Append(std::string& out, std::string_view text) {
    if (text.size() > room_) {
      return Fail(Code::kTooLarge, "too large with its variables filled in; send several batches",
                  "variables");
    }
    room_ -= text.size();
    out.append(text);
    return {};
  }

  const TemplateVariables& variables_;
  std::size_t room_;
};

}  // namespace

bool IsTemplateName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, IsNameCharacter);
}

Result<void> FillTemplates(const TemplateVariables& variables, nlohmann::json& value,
                           std::size_t room) {
  return Filler(variables, room).FillAll(value);
}

}  // namespace reprise
