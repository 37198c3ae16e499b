#include "cache/identity.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr double kMaxEnlargement = 1.5;
constexpr double kLeastKept = 0.75;

// Parameters whose stated value is what leaving them out means, so both have one identity.
bool IsDefault(const std::string& model, const std::string& name, const json& value) {
  if (value.is_null()) return true;
  if (name == "quality" || name == "background" || name == "moderation") {
    if (value == "auto") return true;
  }
  const bool dall_e = model.starts_with("dall-e");
  return dall_e &&
         ((name == "quality" && value == "standard") || (name == "style" && value == "vivid"));
}

json ShapingParams(const ImageRequest& request) {
  json params = json::parse(request.params, nullptr, false);
  if (!params.is_object()) return request.params;
  for (auto item = params.begin(); item != params.end();) {
    item =
        IsDefault(request.model, item.key(), item.value()) ? params.erase(item) : std::next(item);
  }
  return params;
}

// Different for different values, whatever bytes their strings hold: JSON cannot hold what is not
// UTF-8 (a namespace from a header, say), CBOR can.
std::string Spell(const json& value) {
  try {
    return value.dump();
  } catch (const json::type_error&) {
    const auto cbor = json::to_cbor(value);
    return HexEncode({reinterpret_cast<const char*>(cbor.data()), cbor.size()});
  }
}

// Spell's array of two, read back.
std::string ScopePart(std::string_view scope, std::size_t part) {
  json value = json::parse(scope, nullptr, false);
  if (value.is_discarded()) {  // Spell's other form
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i + 1 < scope.size(); i += 2) {
      unsigned byte = 0;
      std::from_chars(scope.data() + i, scope.data() + i + 2, byte, 16);
      bytes.push_back(static_cast<std::uint8_t>(byte));
    }
    value = json::from_cbor(bytes, true, false);
  }
  const bool pair = value.is_array() && value.size() == 2 && value[part].is_string();
  return pair ? value[part].get<std::string>() : "";
}

// Scope, bucket and compatibility; no fingerprint yet.
Identity ShapeOf(const ImageRequest& request, const std::string& bucket) {
  Identity identity;
  identity.bucket = bucket;
  // A JSON array: no choice of tenant and namespace can spell another pair.
  identity.scope = Spell(json::array({request.tenant, request.control.name_space}));
  json shape = {
      {"version", 1},           {"scope", identity.scope}, {"operation", request.operation},
      {"model", request.model}, {"bucket", bucket},        {"params", ShapingParams(request)}};
  if (request.seed) shape["seed"] = *request.seed;
  if (request.prefer != Preference::kNone) shape["prefer"] = static_cast<int>(request.prefer);
  for (const InputImage& input : request.inputs) {
    shape["inputs"].push_back({input.role, input.digest.Hex()});
  }
  identity.compatibility = Sha256(Spell(shape));
  return identity;
}

// Everything that ShapeOf looks at when there is neither a seed nor an input: each part with its
// length before it, so that different requests never spell one key.
std::string ShapeKey(const ImageRequest& request, const std::string& bucket) {
  constexpr std::size_t kUsualSize = 240;
  std::string key;
  key.reserve(kUsualSize);
  key += static_cast<char>(request.prefer);
  for (const std::string* part : {&request.tenant, &request.control.name_space, &request.operation,
                                  &request.model, &bucket, &request.params}) {
    const std::size_t size = part->size();
    key.append(reinterpret_cast<const char*>(&size), sizeof size).append(*part);
  }
  return key;
}

// ShapeOf, remembered: an application asks for a handful of shapes with ever new prompts, and
// spelling one as canonical JSON takes longer than all the rest of an exact hit's decision.
Identity RememberedShape(const ImageRequest& request, const std::string& bucket) {
  constexpr std::size_t kShapes = 256, kMaxKey = 4096;
  thread_local std::unordered_map<std::string, Identity> known;
  if (request.seed || !request.inputs.empty()) return ShapeOf(request, bucket);
  std::string key = ShapeKey(request, bucket);
  if (key.size() > kMaxKey) return ShapeOf(request, bucket);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  if (known.size() >= kShapes) known.clear();
  return known.emplace(std::move(key), ShapeOf(request, bucket)).first->second;
}

}  // namespace

std::string ToString(ImageSize size) {
  if (size.automatic()) return "auto";
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

std::string ResolutionBucket(ImageSize size) {
  if (size.automatic()) return "auto";
  const double ratio = static_cast<double>(size.width) / size.height;
  const int longer = std::max(size.width, size.height);
  if (ratio >= 0.9 && ratio <= 1.1) {
    return longer <= 512 ? "sq_sm" : longer <= 1024 ? "sq_md" : "sq_lg";
  }
  const std::string shape = ratio < 1 ? "pt_" : "ls_";
  return shape + (longer <= 768 ? "sm" : longer <= 1536 ? "md" : "lg");
}

bool CanResize(ImageSize stored, ImageSize wanted) {
  if (wanted.automatic()) return true;
  if (stored.automatic()) return false;
  // Covering keeps proportions: one factor for both sides, the larger of the two.
  const double factor = std::max(static_cast<double>(wanted.width) / stored.width,
                                 static_cast<double>(wanted.height) / stored.height);
  return factor <= kMaxEnlargement;
}

bool CanAnswer(ImageSize stored, ImageSize wanted) {
  if (wanted.automatic() || !CanResize(stored, wanted)) return wanted.automatic();
  const double width = static_cast<double>(wanted.width) / stored.width;
  const double height = static_cast<double>(wanted.height) / stored.height;
  return std::min(width, height) >= kLeastKept * std::max(width, height);
}

Identity MakeIdentity(const ImageRequest& request, bool exact_resolution) {
  const std::string bucket =
      exact_resolution ? ToString(request.size) : ResolutionBucket(request.size);
  Identity identity = RememberedShape(request, bucket);
  const std::string size = ToString(request.size);
  std::string exact;
  exact.reserve(identity.compatibility.View().size() + size.size() + 1 + request.prompt.size());
  exact.append(identity.compatibility.View()).append(size).append(1, '\0').append(request.prompt);
  identity.fingerprint = Sha256(exact);
  return identity;
}

std::string TenantOf(std::string_view scope) {
  return ScopePart(scope, 0);
}

std::string NamespaceOf(std::string_view scope) {
  return ScopePart(scope, 1);
}

}  // namespace reprise
