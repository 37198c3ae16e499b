#include "gateway/batch_json.h"

#include <nlohmann/json.hpp>

#include "gateway/errors.h"
#include "gateway/native_reply.h"
#include "work/active_batch.h"

namespace reprise {
namespace {

// Keeps members in the order they are written: items in the caller's.
using nlohmann::ordered_json;

std::string DumpOrdered(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string_view NameOf(ItemStatus status) {
  switch (status) {
    case ItemStatus::kWaiting:
      return "waiting";
    case ItemStatus::kDone:
      return "done";
    case ItemStatus::kFailed:
      return "failed";
    case ItemStatus::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string_view NameOf(WebhookStatus status) {
  switch (status) {
    case WebhookStatus::kNone:
      return "none";
    case WebhookStatus::kOwed:
      return "pending";
    case WebhookStatus::kDelivered:
      return "delivered";
    case WebhookStatus::kFailed:
      return "failed";
  }
  return "";
}

std::string_view StateOf(bool cancelled, std::int64_t ended_ms) {
  if (ended_ms == 0) return cancelled ? "cancelling" : "running";
  return cancelled ? "cancelled" : "done";
}

ordered_json CountsJson(const BatchCounts& counts) {
  return {{"total", counts.total()},
          {"waiting", counts.waiting},
          {"done", counts.done},
          {"failed", counts.failed},
          {"cancelled", counts.cancelled}};
}

template <class T>
ordered_json OrderedOrNull(bool there, const T& value) {
  return there ? ordered_json(value) : ordered_json();
}

// As other routes show it, with the status they would have.
ordered_json ErrorOf(const Error& error) {
  ordered_json shown = ordered_json::parse(ErrorResponse(error).BodyView());
  shown["error"]["status"] = HttpStatus(error);
  return shown;
}

ordered_json Described(const Reply& reply, const Decision& decision) {
  ordered_json images = ordered_json::array();
  for (const ServedImage& image : reply.images) {
    ordered_json described = {{"name", OrderedOrNull(!image.name.empty(), image.name)},
                              {"media_type", image.media_type}};
    if (!image.revised_prompt.empty()) described["revised_prompt"] = image.revised_prompt;
    images.push_back(std::move(described));
  }
  return {{"images", std::move(images)},
          {"entry", OrderedOrNull(decision.entry != 0, decision.entry)},
          {"created", reply.created_ms / 1000},
          {"cache", DecisionJson(decision)}};
}

// What is kept of an item, with links.
ordered_json Linked(const BatchItem& item, const ImageLinks& links) {
  ordered_json shown = {{"status", NameOf(item.status)}};
  if (item.result.empty()) return shown;
  shown.update(ordered_json::parse(item.result));
  if (!shown.contains("images")) return shown;
  for (ordered_json& image : shown["images"]) {
    image["url"] = links.To(image["name"].get<std::string>());
  }
  return shown;
}

ordered_json Ended(std::int64_t ended_ms) {
  return OrderedOrNull(ended_ms != 0, ended_ms / 1000);
}

ordered_json WebhookJson(const BatchWebhook& webhook) {
  return {{"url", webhook.url},
          {"state", NameOf(webhook.status)},
          {"attempts", webhook.attempts},
          {"error", OrderedOrNull(!webhook.error.empty(), webhook.error)}};
}

// The bytes go straight into the text: no copy of megabytes in a JSON tree.
void AppendData(const ServedImage& image, bool as_url, std::string& out) {
  out += as_url ? "\"url\":\"data:" + image.media_type + ";base64," : "\"b64_json\":\"";
  Base64Append(*image.bytes, out);
  out += "\",";
}

void AppendImage(const ServedImage& image, ordered_json described, bool as_url,
                 const ImageLinks& links, std::string& out) {
  out += '{';
  if (as_url && !image.name.empty()) {
    described["url"] = links.To(image.name);
  } else {
    AppendData(image, as_url, out);
  }
  out += std::string_view(DumpOrdered(described)).substr(1);
}

void AppendAnswer(const Answer& answer, bool as_url, const ImageLinks& links, std::string& out) {
  const ItemStatus status = answer.reply ? ItemStatus::kDone : ItemStatus::kFailed;
  out += "{\"status\":\"" + std::string(NameOf(status)) + "\",";
  if (!answer.reply) {
    ordered_json shown = ErrorOf(answer.reply.error());
    shown["cache"] = DecisionJson(answer.decision);
    out += std::string_view(DumpOrdered(shown)).substr(1);
    return;
  }
  ordered_json shown = Described(*answer.reply, answer.decision);
  const ordered_json images = std::move(shown["images"]);
  shown.erase("images");
  out += "\"images\":[";
  for (std::size_t i = 0; i < answer.reply->images.size(); ++i) {
    if (i > 0) out += ',';
    AppendImage(answer.reply->images[i], images[i], as_url, links, out);
  }
  out += "],";
  out += std::string_view(DumpOrdered(shown)).substr(1);
}

std::string Event(std::uint64_t id, std::string_view name, const ordered_json& data) {
  return "id: " + std::to_string(id) + "\nevent: " + std::string(name) +
         "\ndata: " + DumpOrdered(data) + "\n\n";
}

class NativeBatchApi final : public BatchApi {
 public:
  NativeBatchApi(OpenAiSettings settings, const Access* access)
      : settings_(std::move(settings)), access_(access) {}

  Result<ImageRequest> ReadItem(const std::string& tenant,
                                const std::string& request) const override {
    auto call = ReadGenerationBody(request, Dialect::kNative, settings_);
    if (!call) return std::unexpected(call.error());
    call->request.tenant = tenant;
    call->request.delivery.bytes = false;  // names are what is kept
    return std::move(call->request);
  }

  ItemResult Describe(const Answer& answer) const override {
    if (!answer.reply) return {.done = false, .text = DumpOrdered(ErrorOf(answer.reply.error()))};
    for (const ServedImage& image : answer.reply->images) {
      if (!image.name.empty()) continue;
      return {.done = false,
              .text = DumpOrdered(ErrorOf({.code = Code::kUnavailable,
                                           .message = "the image could not be stored; the "
                                                      "server log names the cause"}))};
    }
    return {.done = true, .text = DumpOrdered(Described(*answer.reply, answer.decision))};
  }

  std::string WebhookBody(const Batch& batch) const override {
    return WriteBatch(batch, ImageLinks(batch.url_base, access_));
  }

 private:
  const OpenAiSettings settings_;
  const Access* const access_;
};

}  // namespace

std::string WriteWaitBatch(const BatchCall& call, const std::vector<Answer>& answers,
                           const ImageLinks& links) {
  BatchCounts counts;
  double saved_usd = 0;
  for (const Answer& answer : answers) {
    ++(answer.reply ? counts.done : counts.failed);
    if (answer.reply) saved_usd += answer.decision.saved_usd;
  }
  std::string out = "{\"mode\":\"wait\",\"counts\":" + DumpOrdered(CountsJson(counts)) +
                    ",\"saved_usd\":" + DumpOrdered(saved_usd) + ",\"items\":{";
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i > 0) out += ',';
    out += DumpOrdered(call.names[i]) + ":";
    AppendAnswer(answers[i], call.calls[i].as_url, links, out);
  }
  return out + "}}\n";
}

std::string WriteBatch(const Batch& batch, const ImageLinks& links) {
  ordered_json shown = {{"id", batch.id},
                        {"mode", "background"},
                        {"state", StateOf(batch.cancelled, batch.ended_ms)},
                        {"created", batch.created_ms / 1000},
                        {"ended", Ended(batch.ended_ms)},
                        {"counts", CountsJson(CountItems(batch))}};
  if (batch.webhook.status != WebhookStatus::kNone) shown["webhook"] = WebhookJson(batch.webhook);
  ordered_json items = ordered_json::object();
  for (const BatchItem& item : batch.items) items[item.name] = Linked(item, links);
  shown["items"] = std::move(items);
  return DumpOrdered(shown) + "\n";
}

std::string WriteBatchList(const std::vector<BatchSummary>& list, std::size_t limit) {
  ordered_json data = ordered_json::array();
  for (const BatchSummary& batch : list) {
    data.push_back({{"id", batch.id},
                    {"state", StateOf(batch.cancelled, batch.ended_ms)},
                    {"created", batch.created_ms / 1000},
                    {"ended", Ended(batch.ended_ms)},
                    {"counts", CountsJson(batch.counts)}});
  }
  const bool more = !list.empty() && list.size() == limit;
  return DumpOrdered({{"data", std::move(data)},
                      {"next", more ? ordered_json(list.back().id) : ordered_json()}}) +
         "\n";
}

std::string WriteBatchImages(const Batch& batch, const ImageLinks& links) {
  ordered_json data = ordered_json::array();
  for (const BatchItem& item : batch.items) {
    if (item.status != ItemStatus::kDone) continue;
    ordered_json linked = Linked(item, links);
    for (const ordered_json& image : linked["images"]) {
      ordered_json shown = {{"item", item.name}};
      shown.update(image);
      data.push_back(std::move(shown));
    }
  }
  return DumpOrdered({{"id", batch.id},
                      {"state", StateOf(batch.cancelled, batch.ended_ms)},
                      {"data", std::move(data)}}) +
         "\n";
}

std::string WriteItemEvent(const BatchItem& item, std::size_t total, const ImageLinks& links) {
  ordered_json data = {{"item", item.name}, {"ended", item.change}, {"total", total}};
  data.update(Linked(item, links));
  return Event(item.change, "item", data);
}

std::string WriteEndEvent(const Batch& batch) {
  return Event(batch.items.size() + 1, "end",
               {{"id", batch.id},
                {"state", StateOf(batch.cancelled, batch.ended_ms)},
                {"counts", CountsJson(CountItems(batch))}});
}

std::unique_ptr<BatchApi> MakeBatchApi(OpenAiSettings settings, const Access* access) {
  return std::make_unique<NativeBatchApi>(std::move(settings), access);
}

}  // namespace reprise
