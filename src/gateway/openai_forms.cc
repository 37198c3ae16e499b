#include "gateway/openai_forms.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "gateway/cache_knobs.h"
#include "gateway/json_input.h"
#include "http/multipart.h"
#include "image/sniff.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFormInputs = 16;
constexpr std::size_t kMaxInputBytes = 50u << 20;

std::unexpected<Error> InvalidPart(std::string message, std::string_view param) {
  return Fail(Code::kInvalidArgument, std::move(message), std::string(param));
}

// Several images come under the name's list form.
std::string_view WithoutBrackets(std::string_view name) {
  return name.ends_with("[]") ? name.substr(0, name.size() - 2) : name;
}

Result<InputImage> ReadInput(const http::FormPart& part, std::string_view role) {
  if (part.body.size() > kMaxInputBytes) {
    return Fail(Code::kTooLarge,
                "'" + std::string(role) + "' has " + std::to_string(part.body.size()) +
                    " bytes; at most " + std::to_string(kMaxInputBytes) + " are accepted",
                std::string(role));
  }
  if (part.body.empty()) {
    return InvalidPart("'" + std::string(role) + "' is empty; send a png, jpeg or webp file", role);
  }
  const auto format = SniffFormat(part.body);
  if (!format) {
    return InvalidPart("'" + std::string(role) + "' must be a png, jpeg or webp image, but is " +
                           DescribeBytes(part.body),
                       role);
  }
  return InputImage{.role = std::string(role),
                    .bytes = ShareBytes(std::string(part.body)),
                    .media_type = std::string(MediaType(*format)),
                    .digest = Sha256(part.body)};
}

// A field's text as the JSON value that the same parameter has in a generation.
Result<json> FieldValue(const std::string& name, std::string_view text) {
  if (name == "n" || name == "seed" || name == "output_compression" || name == "partial_images") {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      return InvalidPart("'" + name + "' must be a whole number, not '" + Excerpt(text) + "'",
                         name);
    }
    return json(number);
  }
  if (name == "stream") {
    if (text != "true" && text != "false") {
      return InvalidPart("'stream' must be true or false, not '" + Excerpt(text) + "'", name);
    }
    return json(text == "true");
  }
  if (name == "cache") {
    simdjson::dom::parser parser;  // which bounds the depth
    simdjson::dom::element value;
    const auto failed = parser.parse(text.data(), text.size()).get(value);
    if (!failed && value.is_object()) return ToJson(value);
    return InvalidPart("'cache' must be a JSON object, e.g. {\"ttl\": 60}", name);
  }
  return json(text);
}

// One form into one call.
class FormReader {
 public:
  explicit FormReader(std::string operation) : operation_(std::move(operation)) {}

  Result<ImageCall> Read(const http::Request& http, Dialect dialect,
                         const OpenAiSettings& settings) {
    const auto boundary = http::FormBoundary(http.Header("Content-Type"));
    if (!boundary) return std::unexpected(boundary.error());
    const auto parts = http::ParseForm(http.body, *boundary);
    if (!parts) return std::unexpected(parts.error());
    for (const http::FormPart& part : *parts) {
      if (auto taken = Take(part); !taken) return std::unexpected(taken.error());
    }
    if (images_.empty()) {
      return InvalidPart("'image' is missing; send a png, jpeg or webp file as a part of that name",
                         "image");
    }
    auto call = ReadGenerationBody(fields_.dump(), dialect, settings);
    if (!call) return call;
    ImageRequest& request = call->request;
    request.operation = operation_;
    request.inputs = std::move(images_);
    if (mask_) request.inputs.push_back(std::move(*mask_));
    if (auto read = ReadCacheHeaders(http, request.control); !read) {
      return std::unexpected(read.error());
    }
    return call;
  }

 private:
  Result<void> Take(const http::FormPart& part) {
    const std::string_view name = WithoutBrackets(part.name);
    if (name == "image") return Image(part);
    if (name == "mask") return Mask(part);
    if (part.filename) {
      return InvalidPart("'" + Excerpt(part.name) + "' is a file; only image and mask may be",
                         name);
    }
    return Field(part);
  }

  Result<void> Image(const http::FormPart& part) {
    const std::size_t most = operation_ == "edit" ? kMaxFormInputs : 1;
    if (images_.size() == most) {
      return InvalidPart("the form has more than " + std::to_string(most) + " image" +
                             (most > 1 ? "s; at most that many are accepted" : "; send one"),
                         "image");
    }
    auto input = ReadInput(part, "image");
    if (!input) return std::unexpected(input.error());
    images_.push_back(std::move(*input));
    return {};
  }

  Result<void> Mask(const http::FormPart& part) {
    if (operation_ != "edit") return InvalidPart("a variation takes no mask; leave it out", "mask");
    if (mask_) return InvalidPart("'mask' is given twice; send one", "mask");
    auto input = ReadInput(part, "mask");
    if (!input) return std::unexpected(input.error());
    mask_ = std::move(*input);
    return {};
  }

  Result<void> Field(const http::FormPart& part) {
    if (!simdjson::validate_utf8(part.name) || !simdjson::validate_utf8(part.body)) {
      return InvalidPart("a text part of the form is not UTF-8", "");
    }
    if (fields_.contains(part.name)) {
      return InvalidPart("'" + Excerpt(part.name) + "' is given twice; send it once", part.name);
    }
    auto value = FieldValue(part.name, part.body);
    if (!value) return std::unexpected(value.error());
    fields_[part.name] = std::move(*value);
    return {};
  }

  const std::string operation_;
  json fields_ = json::object();
  std::vector<InputImage> images_;
  std::optional<InputImage> mask_;
};

}  // namespace

Result<ImageCall> ReadEdit(const http::Request& http, const OpenAiSettings& settings) {
  return FormReader("edit").Read(http, Dialect::kOpenAi, settings);
}

Result<ImageCall> ReadVariation(const http::Request& http, const OpenAiSettings& settings) {
  auto call = FormReader("variation").Read(http, Dialect::kOpenAiVariation, settings);
  if (call) call->request.control.exact_only = true;  // there is no prompt to compare
  return call;
}

}  // namespace reprise
