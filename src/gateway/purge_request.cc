#include "gateway/purge_request.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "cache/identity.h"
#include "gateway/feedback.h"
#include "gateway/json_input.h"

namespace reprise {
namespace {

using nlohmann::json;
using simdjson::dom::element;

constexpr std::int64_t kMaxAgeSeconds = 100LL * 365 * 24 * 3600;
constexpr std::size_t kMaxShown = 100;
constexpr std::string_view kPurgeMembers =
    "entries, tag, model, namespace, category, prompt, min_similarity, older_than, all, dry_run";

// Reads one body, member by member.
class PurgeReader {
 public:
  explicit PurgeReader(std::size_t prompt_chars) : prompt_chars_(prompt_chars) {}

  Result<PurgeCall> Read(std::string_view body) {
    auto read = ForEachField(
        body, [this](std::string_view key, element value) { return Member(key, value); });
    if (read) read = Check();
    if (!read) return std::unexpected(read.error());
    return std::move(call_);
  }

 private:
  Result<void> Member(std::string_view key, element value) {
    if (value.is_null()) return {};  // as good as left out
    PurgeSelector& selector = call_.selector;
    if (key == "entries") return Entries(value);
    if (key == "tag") return Text(key, value, selector.tag);
    if (key == "model") return Text(key, value, selector.model);
    if (key == "namespace") return Text(key, value, selector.name_space);
    if (key == "category") return Text(key, value, selector.category);
    if (key == "prompt") return Text(key, value, selector.prompt);
    if (key == "min_similarity") return Similarity(value);
    if (key == "older_than") return Age(value);
    if (key == "all") return Flag(key, value, all_);
    if (key == "dry_run") return Flag(key, value, call_.dry_run);
    return Invalid(Excerpt(key), "unknown member '" + Excerpt(key) + "'; there are " +
                                     std::string(kPurgeMembers));
  }

  Result<void> Entries(element value) {
    simdjson::dom::array ids;
    if (value.get(ids) != simdjson::SUCCESS || ids.size() == 0) {
      return Invalid("entries", "'entries' must be a list of at least one entry's number");
    }
    for (element item : ids) {
      const auto id = ReadEntryId("entries", item);
      if (!id) return std::unexpected(id.error());
      call_.selector.entries.insert(*id);
    }
    any_ = true;
    return {};
  }

  Result<void> Text(std::string_view key, element value, std::optional<std::string>& text) {
    auto read = ReadString(key, value);
    if (!read) return std::unexpected(read.error());
    text = std::move(*read);
    any_ = true;
    return {};
  }

  Result<void> Similarity(element value) {
    const auto read = ReadNumber("min_similarity", value, 0, 1);
    if (!read) return std::unexpected(read.error());
    call_.selector.min_similarity = *read;
    return {};
  }

  Result<void> Age(element value) {
    const auto seconds = ReadInteger("older_than", value, 0, kMaxAgeSeconds);
    if (!seconds) return std::unexpected(seconds.error());
    call_.selector.older_than_ms = *seconds * 1000;
    any_ = true;
    return {};
  }

  Result<void> Flag(std::string_view key, element value, bool& flag) {
    const auto read = ReadBool(key, value);
    if (!read) return std::unexpected(read.error());
    flag = *read;
    return {};
  }

  Result<void> Check() const {
    const PurgeSelector& selector = call_.selector;
    if (selector.prompt && IsBlank(*selector.prompt)) {
      return Invalid("prompt", "'prompt' is empty; give the text to compare with");
    }
    if (selector.prompt && CodePoints(*selector.prompt) > prompt_chars_) {
      return Invalid("prompt", "'prompt' has more than " + std::to_string(prompt_chars_) +
                                   " characters, which no stored prompt has");
    }
    if (selector.min_similarity && !selector.prompt) {
      return Invalid("prompt", "'min_similarity' needs a 'prompt' to be similar to");
    }
    if (any_ || all_) return {};
    return Invalid("all",
                   "say which entries: entries, tag, model, namespace, category, prompt or "
                   "older_than, or \"all\": true");
  }

  const std::size_t prompt_chars_;
  PurgeCall call_;
  bool any_ = false, all_ = false;
};

json Describe(const Purged& purged) {
  const Entry& entry = purged.entry->record();
  json described = {{"id", entry.id},
                    {"prompt", entry.prompt},
                    {"model", entry.model},
                    {"namespace", NamespaceOf(entry.scope)},
                    {"images", entry.images.size()}};
  if (purged.similarity) described["similarity"] = *purged.similarity;
  return described;
}

std::uint64_t BytesOf(const Entry& entry) {
  std::uint64_t bytes = 0;
  for (const StoredImage& image : entry.images) bytes += image.bytes;
  return bytes;
}

}  // namespace

Result<PurgeCall> ReadPurge(std::string_view body, std::size_t prompt_chars) {
  return PurgeReader(prompt_chars).Read(body);
}

http::Response WritePurge(bool dry_run, const std::vector<Purged>& purged) {
  json shown = json::array();
  std::uint64_t bytes = 0;
  for (const Purged& one : purged) {
    bytes += BytesOf(one.entry->record());
    if (shown.size() < kMaxShown) shown.push_back(Describe(one));
  }
  const json body = {{"dry_run", dry_run},
                     {"count", purged.size()},
                     {"bytes", bytes},
                     {"entries", std::move(shown)}};
  return http::Json(200, DumpJson(body));
}

}  // namespace reprise
