#include "gateway/native_reply.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/reply_headers.h"

namespace reprise {
namespace {

using nlohmann::json;

template <class T>
json OrNull(bool there, const T& value) {
  return there ? json(value) : json();
}

// Everything about an image but its bytes.
json Describe(const ServedImage& image) {
  json described = {{"name", OrNull(!image.name.empty(), image.name)},
                    {"media_type", image.media_type},
                    {"width", image.width},
                    {"height", image.height}};
  if (!image.revised_prompt.empty()) described["revised_prompt"] = image.revised_prompt;
  return described;
}

// The bytes go straight into the text: no second copy of megabytes in a JSON tree.
void AppendImage(const ServedImage& image, const NativeDelivery& delivery, std::string& out) {
  if (delivery.as_url && !image.name.empty()) {
    json described = Describe(image);
    described["url"] = delivery.links.To(image.name);
    out += DumpJson(described);
    return;
  }
  out += delivery.as_url ? "{\"url\":\"data:" + image.media_type + ";base64," : "{\"b64_json\":\"";
  Base64Append(*image.bytes, out);
  out += "\",";
  out += std::string_view(DumpJson(Describe(image))).substr(1);
}

std::size_t EncodedSize(const Reply& reply) {
  std::size_t size = 1024;
  for (const ServedImage& image : reply.images) {
    size += 512 + (image.bytes ? image.bytes->size() * 4 / 3 : 0);
  }
  return size;
}

}  // namespace

json DecisionJson(const Decision& decision) {
  const bool hit = decision.outcome == Outcome::kHit;
  return {{"status", ToString(decision.outcome)},
          {"type", OrNull(decision.type != HitType::kNone, ToString(decision.type))},
          {"reason", decision.reason},
          {"sentence", decision.sentence},
          {"similarity", OrNull(decision.similarity.has_value(), decision.similarity.value_or(0))},
          {"threshold", OrNull(decision.similarity.has_value(), decision.threshold)},
          {"bucket", decision.bucket},
          {"refused", OrNull(decision.refused != 0, decision.refused)},
          {"stored", decision.stored},
          {"age_s", OrNull(hit, decision.age_ms / 1000)},
          {"saved_usd", decision.saved_usd}};
}

std::string NativeJson(const Reply& reply, const Decision& decision,
                       const NativeDelivery& delivery) {
  std::string out;
  out.reserve(EncodedSize(reply));
  out += "{\"entry\":" + DumpJson(OrNull(decision.entry != 0, decision.entry));
  out += ",\"created\":" + std::to_string(reply.created_ms / 1000) + ",\"images\":[";
  for (const ServedImage& image : reply.images) {
    if (&image != reply.images.data()) out += ',';
    AppendImage(image, delivery, out);
  }
  out += "],\"cache\":" + DumpJson(DecisionJson(decision)) + "}";
  return out;
}

http::Response WriteNative(const Reply& reply, const Decision& decision,
                           const NativeDelivery& delivery) {
  http::Response response = http::Json(200, NativeJson(reply, decision, delivery));
  ExplainReply(decision, response);
  if (reply.images.size() == 1) response.Set("ETag", reply.images.front().etag);
  return response;
}

}  // namespace reprise
