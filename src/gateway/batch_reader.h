// The body of POST /v1/batches. Pure.
//
//   {"mode": "wait" | "background", "defaults": {...}, "variables": {"client": "Acme"},
//    "items": {"hero": {"prompt": ...}, ...} or [{"name": "hero", "prompt": ...}, ...],
//    "webhook": {"url": ..., "secret": ...}}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/generation_reader.h"
#include "work/batches.h"

namespace reprise {

struct BatchCall {
  bool background = false;
  std::vector<std::string> names;  // of the items, in the caller's order
  // Theirs, as Dialect::kNative reads them, templates filled; only where they are to be stored, in
  // the background.
  std::vector<std::string> requests;
  std::vector<ImageCall> calls;  // the same, read
  BatchWebhook webhook;          // owed, when there is one
};

// kInvalidArgument names the item and the parameter, and nothing was begun.
Result<BatchCall> ReadBatchBody(std::string_view body, const OpenAiSettings& settings,
                                const BatchSettings& batches);

}  // namespace reprise
