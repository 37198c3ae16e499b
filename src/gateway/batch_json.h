// What the batches API answers, as JSON texts. Pure.
//
// An item that has ended is kept as
//   {"images": [{"name": "0123.png", "media_type", "revised_prompt"}], "entry", "created",
//    "cache": {...}}
// or {"error": {...}}; links are made from names when it is shown, with whatever the gateway is
// reached by then.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/image_cache.h"
#include "gateway/batch_reader.h"
#include "gateway/image_links.h"
#include "store/batch_store.h"
#include "work/batches.h"

namespace reprise {

// The reply of mode wait; `answers` are in the order of the call's items.
std::string WriteWaitBatch(const BatchCall& call, const std::vector<Answer>& answers,
                           const ImageLinks& links);

std::string WriteBatch(const Batch& batch, const ImageLinks& links);
std::string WriteBatchList(const std::vector<BatchSummary>& list, std::size_t limit);
// The images that are ready.
std::string WriteBatchImages(const Batch& batch, const ImageLinks& links);

// Server-sent events: of an item that has ended, and of the end of all, which has the next number.
std::string WriteItemEvent(const BatchItem& item, std::size_t total, const ImageLinks& links);
std::string WriteEndEvent(const Batch& batch);

// How background items are read and described. `access`, null or longer-lived: see ImageLinks.
std::unique_ptr<BatchApi> MakeBatchApi(OpenAiSettings settings, const Access* access);

}  // namespace reprise
