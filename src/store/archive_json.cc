#include "store/archive_json.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"

namespace reprise {
namespace {

using nlohmann::json;

// Texts may hold any bytes, JSON's may not: what is no UTF-8 is {"base64": ...}.
json Text(const std::string& text) {
  try {
    (void)json(text).dump();
    return text;
  } catch (const json::exception&) {
    return {{"base64", Base64Encode(text)}};
  }
}

std::string ReadText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  auto bytes = Base64Decode(value.at("base64").get<std::string>());
  if (!bytes) throw std::runtime_error(bytes.error().message);
  return std::move(*bytes);
}

// An integer that is none is not made one.
template <class T>
T Whole(const json& value) {
  if (value.is_number_unsigned()) {
    if (std::in_range<T>(value.get<std::uint64_t>()))
      return static_cast<T>(value.get<std::uint64_t>());
  } else if (value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>())) {
    return static_cast<T>(value.get<std::int64_t>());
  }
  throw std::runtime_error(value.dump() + " is no such number");
}

Digest ReadDigest(const json& value) {
  const auto digest = Digest::FromHex(value.get<std::string>());
  if (!digest) throw std::runtime_error("a digest is none");
  return *digest;
}

json ToJson(const StoredImage& image) {
  return {{"id", image.id},
          {"sha256", image.blob.Hex()},
          {"media_type", image.media_type},
          {"width", image.width},
          {"height", image.height},
          {"bytes", image.bytes},
          {"revised_prompt", Text(image.revised_prompt)},
          {"created_ms", image.created_ms},
          {"expires_ms", image.expires_ms}};
}

StoredImage ReadImage(const json& line) {
  StoredImage image{.id = line.at("id"),
                    .blob = ReadDigest(line.at("sha256")),
                    .media_type = line.at("media_type"),
                    .width = Whole<int>(line.at("width")),
                    .height = Whole<int>(line.at("height")),
                    .bytes = Whole<std::uint64_t>(line.at("bytes")),
                    .revised_prompt = ReadText(line.at("revised_prompt")),
                    .created_ms = Whole<std::int64_t>(line.at("created_ms")),
                    .expires_ms = Whole<std::int64_t>(line.at("expires_ms"))};
  if (image.id.size() != 32 ||
      image.id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw std::runtime_error("an image's id is none");
  }
  return image;
}

json ToJson(const StoredVector& vector) {
  const std::string_view bytes(reinterpret_cast<const char*>(vector.values.data()),
                               vector.values.size() * sizeof(vector.values[0]));
  return {{"embedder", vector.embedder}, {"binary16", Base64Encode(bytes)}};
}

StoredVector ReadVector(const json& line) {
  StoredVector vector{.embedder = line.at("embedder"), .values = {}};
  const auto bytes = Base64Decode(line.at("binary16").get<std::string>());
  if (!bytes || bytes->size() % sizeof(vector.values[0]) != 0) {
    throw std::runtime_error("a vector is none");
  }
  vector.values.resize(bytes->size() / sizeof(vector.values[0]));
  std::memcpy(vector.values.data(), bytes->data(), bytes->size());
  return vector;
}

ArchivedEntry ReadEntry(const json& line) {
  ArchivedEntry read{.entry = {.scope = ReadText(line.at("scope")),
                               .fingerprint = ReadDigest(line.at("fingerprint")),
                               .compatibility = ReadDigest(line.at("compatibility")),
                               .prompt = ReadText(line.at("prompt")),
                               .model = ReadText(line.at("model")),
                               .bucket = line.at("bucket"),
                               .width = Whole<int>(line.at("width")),
                               .height = Whole<int>(line.at("height")),
                               .params = ReadText(line.at("params")),
                               .category = ReadText(line.at("category")),
                               .created_ms = Whole<std::int64_t>(line.at("created_ms")),
                               .expires_ms = Whole<std::int64_t>(line.at("expires_ms")),
                               .cost_usd = line.at("cost_usd"),
                               .generation_ms = Whole<std::int64_t>(line.at("generation_ms")),
                               .hits = Whole<std::uint64_t>(line.at("hits")),
                               .last_used_ms = Whole<std::int64_t>(line.at("last_used_ms"))},
                     .vector = {}};
  read.entry.id = Whole<std::uint64_t>(line.at("id"));
  for (const json& tag : line.at("tags")) read.entry.tags.push_back(ReadText(tag));
  for (const json& image : line.at("images")) read.entry.images.push_back(ReadImage(image));
  if (read.entry.images.empty()) throw std::runtime_error("an entry has no image");
  if (line.contains("vector")) read.vector = ReadVector(line.at("vector"));
  return read;
}

// Everything nlohmann and the readers above throw ends here.
template <class Read>
auto Parse(const char* what, std::string_view line, Read read) -> Result<decltype(read(json()))> {
  try {
    const json parsed = ParseJson(line);
    if (parsed.is_discarded()) throw std::runtime_error("it is no JSON");
    return read(parsed);
  } catch (const std::exception& error) {
    return Fail(Code::kCorrupt,
                std::string("the archive is damaged: a line is no ") + what + ": " + error.what());
  }
}

}  // namespace

std::string WriteEntryLine(const Entry& entry, const StoredVector& vector) {
  json tags = json::array(), images = json::array();
  for (const std::string& tag : entry.tags) tags.push_back(Text(tag));
  for (const StoredImage& image : entry.images) images.push_back(ToJson(image));
  json line = {{"id", entry.id},
               {"scope", Text(entry.scope)},
               {"fingerprint", entry.fingerprint.Hex()},
               {"compatibility", entry.compatibility.Hex()},
               {"prompt", Text(entry.prompt)},
               {"model", Text(entry.model)},
               {"bucket", entry.bucket},
               {"width", entry.width},
               {"height", entry.height},
               {"params", Text(entry.params)},
               {"category", Text(entry.category)},
               {"tags", std::move(tags)},
               {"images", std::move(images)},
               {"created_ms", entry.created_ms},
               {"expires_ms", entry.expires_ms},
               {"cost_usd", entry.cost_usd},
               {"generation_ms", entry.generation_ms},
               {"hits", entry.hits},
               {"last_used_ms", entry.last_used_ms}};
  if (!vector.values.empty()) line["vector"] = ToJson(vector);
  return line.dump();
}

std::string WriteCorrectionLine(const Correction& correction) {
  return json{{"pair", correction.pair.Hex()},     {"tenant", Text(correction.tenant)},
              {"entry", correction.entry},         {"entry_prompt", Text(correction.entry_prompt)},
              {"prompt", Text(correction.prompt)}, {"same", correction.same},
              {"note", Text(correction.note)},     {"created_ms", correction.created_ms}}
      .dump();
}

Result<ArchivedEntry> ReadEntryLine(std::string_view line) {
  return Parse("entry", line, ReadEntry);
}

Result<Correction> ReadCorrectionLine(std::string_view line) {
  return Parse("correction", line, [](const json& read) {
    return Correction{.pair = ReadDigest(read.at("pair")),
                      .tenant = ReadText(read.at("tenant")),
                      .entry = Whole<std::uint64_t>(read.at("entry")),
                      .entry_prompt = ReadText(read.at("entry_prompt")),
                      .prompt = ReadText(read.at("prompt")),
                      .same = read.at("same"),
                      .note = ReadText(read.at("note")),
                      .created_ms = Whole<std::int64_t>(read.at("created_ms"))};
  });
}

}  // namespace reprise
