#include "gateway/batch_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "gateway/batch_template.h"
#include "gateway/json_input.h"
#include "http/url.h"

namespace reprise {
namespace {

using nlohmann::json;
using simdjson::dom::element;

constexpr std::size_t kMaxItemName = 100;
constexpr std::size_t kMaxSecret = 1000;
// Of all items together: defaults and variables stand once in the body, and in every item here.
constexpr std::size_t kMaxFilled = 64u << 20;

// Names become file names and JSON keys.
bool IsItemName(std::string_view name) {
  return name.size() <= kMaxItemName && IsTemplateName(name) && name.front() != '.';
}

// One object; a key that stands twice is refused.
Result<json> ReadObject(std::string_view name, element value) {
  json object = json::object();
  auto read = ForEachField(value, name, [&](std::string_view key, element member) -> Result<void> {
    object[std::string(key)] = ToJson(member);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return object;
}

// Reads one body into one call, member by member; items last, as they need the others.
class BatchReader {
 public:
  BatchReader(const OpenAiSettings& settings, const BatchSettings& batches)
      : settings_(settings), batches_(batches) {}

  Result<BatchCall> Read(std::string_view body) {
    auto read = ForEachField(
        body, [this](std::string_view key, element value) { return Member(key, value); });
    if (read) read = Finish();
    if (!read) return std::unexpected(read.error());
    return std::move(call_);
  }

 private:
  Result<void> Member(std::string_view key, element value) {
    if (value.is_null()) return {};  // as good as left out
    if (key == "mode") return Mode(value);
    if (key == "defaults") return Defaults(value);
    if (key == "variables") return Variables(value);
    if (key == "items") return Items(value);
    if (key == "webhook") return Webhook(value);
    return Invalid(Excerpt(key), "unknown member '" + Excerpt(key) +
                                     "'; there are mode, defaults, variables, items, webhook");
  }

  Result<void> Mode(element value) {
    auto mode = ReadString("mode", value);
    if (!mode) return std::unexpected(mode.error());
    if (*mode != "wait" && *mode != "background") {
      return Invalid("mode", "'mode' must be wait or background, not '" + Excerpt(*mode) + "'");
    }
    call_.background = *mode == "background";
    return {};
  }

  Result<void> Defaults(element value) {
    auto read = ReadObject("defaults", value);
    if (!read) return std::unexpected(read.error());
    defaults_ = std::move(*read);
    defaults_bytes_ = DumpJson(defaults_).size();
    return {};
  }

  Result<void> Variables(element value) {
    return ForEachField(value, "variables", [this](std::string_view key, element variable) {
      return Variable(key, variable);
    });
  }

  Result<void> Variable(std::string_view key, element value) {
    if (!IsTemplateName(key)) {
      return Invalid("variables", "the variable name '" + Excerpt(key) +
                                      "' may have letters, digits, '_', '-' and '.' only");
    }
    const json read = ToJson(value);
    if (read.is_structured() || read.is_null()) {
      return Invalid("variables", "the variable '" + Excerpt(key) + "' must be a text or a number");
    }
    variables_[std::string(key)] = read.is_string() ? read.get<std::string>() : read.dump();
    return {};
  }

  Result<void> Items(element value) {
    simdjson::dom::array list;
    if (value.get(list) == simdjson::SUCCESS) {
      for (element item : list) {
        if (auto read = ListedItem(item); !read) return read;
      }
      return {};
    }
    if (!value.is_object()) {
      return Invalid("items", "'items' must be an object, or a list of objects with names");
    }
    return ForEachField(value, "items",
                        [this](std::string_view name, element item) -> Result<void> {
                          auto read = ReadObject("items." + Excerpt(name), item);
                          if (!read) return std::unexpected(read.error());
                          return Item(std::string(name), std::move(*read));
                        });
  }

  Result<void> ListedItem(element item) {
    const std::string at = "items[" + std::to_string(items_.size()) + "]";
    auto read = ReadObject(at, item);
    if (!read) return std::unexpected(read.error());
    const auto named = read->find("name");
    if (named == read->end() || !named->is_string()) {
      return Invalid(at, "'" + at + "' must have a 'name'");
    }
    std::string name = named->get<std::string>();
    read->erase(named);
    return Item(std::move(name), std::move(*read));
  }

  Result<void> Item(std::string name, json item) {
    if (!IsItemName(name)) {
      return Invalid("items", "the item name '" + Excerpt(name) + "' must have 1 to " +
                                  std::to_string(kMaxItemName) +
                                  " letters, digits, '_', '-' or '.', and not begin with '.'");
    }
    if (!names_.insert(name).second) {
      return Invalid("items." + name, "there are two items '" + name + "'");
    }
    if (items_.size() == batches_.items) {
      return Invalid("items", "there are more than " + std::to_string(batches_.items) +
                                  " items; send several batches (setting batches.items)");
    }
    items_.emplace_back(std::move(name), std::move(item));
    return {};
  }

  Result<void> Webhook(element value) {
    auto read = ForEachField(
        value, "webhook", [this](std::string_view key, element member) -> Result<void> {
          if (key != "url" && key != "secret") {
            return Invalid("webhook", "unknown member '" + Excerpt(key) +
                                          "' of 'webhook'; there are url and secret");
          }
          auto text = ReadString("webhook." + std::string(key), member);
          if (!text) return std::unexpected(text.error());
          (key == "url" ? call_.webhook.url : call_.webhook.secret) = std::move(*text);
          return {};
        });
    if (!read) return read;
    call_.webhook.status = WebhookStatus::kOwed;
    return CheckWebhook();
  }

  Result<void> CheckWebhook() const {
    const BatchWebhook& webhook = call_.webhook;
    if (webhook.secret.empty() || webhook.secret.size() > kMaxSecret) {
      return Invalid("webhook.secret", "'webhook.secret' must have 1 to " +
                                           std::to_string(kMaxSecret) +
                                           " bytes; deliveries are signed with it");
    }
    const auto url = http::ParseUrl(webhook.url);
    if (!url) return Invalid("webhook.url", "'webhook.url': " + url.error().message);
    if (!batches_.private_webhooks && http::IsPrivateHost(url->host)) {
      return Invalid("webhook.url", "'webhook.url' must be on a public address, not " + url->host +
                                        " (setting batches.private_webhooks)");
    }
    return {};
  }

  Result<void> Finish() {
    if (items_.empty()) return Invalid("items", "'items' is missing or empty");
    if (!call_.background && call_.webhook.status != WebhookStatus::kNone) {
      return Invalid("webhook", "a webhook needs \"mode\": \"background\"");
    }
    for (auto& [name, item] : items_) {
      if (auto read = ReadItem(name, std::move(item)); !read) {
        Error error = read.error();
        error.message = "item '" + name + "': " + error.message;
        error.param = "items." + name + (error.param.empty() ? "" : "." + error.param);
        return std::unexpected(std::move(error));
      }
    }
    return {};
  }

  static std::unexpected<Error> TooLarge() {
    return Fail(Code::kTooLarge,
                "the items have more than " + std::to_string(kMaxFilled >> 20) +
                    " MB with defaults and variables filled in; send several batches");
  }

  Result<void> ReadItem(const std::string& name, json item) {
    // Of the defaults that an item does not want, too, as they are copied for it.
    if (filled_ + defaults_bytes_ > kMaxFilled) return TooLarge();
    json merged = defaults_;
    merged.merge_patch(item);
    const auto filled = FillTemplates(variables_, merged, kMaxFilled - filled_);
    if (!filled && filled.error().code == Code::kTooLarge) return TooLarge();
    if (!filled) return filled;
    std::string request = DumpJson(merged);
    filled_ += std::max(request.size(), defaults_bytes_);
    if (filled_ > kMaxFilled) return TooLarge();
    auto call = ReadGenerationBody(request, Dialect::kNative, settings_);
    if (!call) return std::unexpected(call.error());
    if (call_.background) {
      if (call->request.control.no_store) {
        return Invalid("cache",
                       "no-store needs \"mode\": \"wait\": nothing would be left to fetch");
      }
      call_.requests.push_back(std::move(request));
    }
    call_.names.push_back(name);
    call_.calls.push_back(std::move(*call));
    return {};
  }

  const OpenAiSettings& settings_;
  const BatchSettings& batches_;
  BatchCall call_;
  json defaults_ = json::object();
  std::size_t defaults_bytes_ = 0;
  TemplateVariables variables_;
  std::vector<std::pair<std::string, json>> items_;
  std::set<std::string> names_;
  std::size_t filled_ = 0;  // bytes of the requests so far, of each at least those of the defaults
};

}  // namespace

Result<BatchCall> ReadBatchBody(std::string_view body, const OpenAiSettings& settings,
                                const BatchSettings& batches) {
  return BatchReader(settings, batches).Read(body);
}

}  // namespace reprise
