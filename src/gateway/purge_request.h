// POST /v1/purge: reading its body, writing its answer. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/purge.h"
#include "http/message.h"

namespace reprise {

struct PurgeCall {
  PurgeSelector selector;  // the tenant is left empty
  bool dry_run = true;
};

// {"entries", "tag", "model", "namespace", "category", "prompt", "min_similarity", "older_than"
// (seconds), "all", "dry_run"}. At least one selector, or `all`: nobody empties a cache by leaving
// something out. A prompt has at most `prompt_chars` characters.
Result<PurgeCall> ReadPurge(std::string_view body, std::size_t prompt_chars);

// {"dry_run", "count", "bytes", "entries": [{"id", "prompt", "model", "namespace", "images",
// "similarity"?}]}: the first 100 by id. `bytes` are those of the images; equal ones are kept once,
// so the disk may gain less.
http::Response WritePurge(bool dry_run, const std::vector<Purged>& purged);

}  // namespace reprise
