// The OpenAI Images API, or anything that speaks it: generations, edits and variations.
// https://platform.openai.com/docs/api-reference/images
#include "base/json.h"
#include "upstream/image_api.h"
#include "upstream/model_name.h"
#include "upstream/multipart.h"

namespace reprise {
namespace {

using nlohmann::json;

bool IsDallE(std::string_view model) {
  return BareModel(model).starts_with("dall-e-");
}

// Every parameter but the images, as the JSON body has them and as a form's fields.
Result<json> Fields(const GenerateRequest& request) {
  auto fields = ReadParams(request);
  if (!fields) return fields;
  json& body = *fields;
  body["model"] = request.model;
  if (request.operation != "variation") body["prompt"] = request.prompt;
  body["n"] = request.count;
  if (request.width > 0 && request.height > 0) {
    body["size"] = std::to_string(request.width) + "x" + std::to_string(request.height);
  }
  if (request.seed) body["seed"] = *request.seed;
  if (!request.user.empty()) body["user"] = request.user;
  // gpt-image models refuse this parameter and always answer with base64.
  if (IsDallE(request.model)) body["response_format"] = "b64_json";
  return fields;
}

std::string FieldText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return DumpJson(value);
}

// gpt-image models take several images, the others one.
void AddImages(const GenerateRequest& request, FormWriter& form) {
  const bool several = request.operation != "variation" && !IsDallE(request.model);
  int number = 0;
  for (const GenerateInput& input : request.inputs) {
    const bool mask = input.role == "mask";
    const std::string filename = "image" + std::to_string(++number) + "." +
                                 input.media_type.substr(input.media_type.rfind('/') + 1);
    form.AddFile(mask      ? "mask"
                 : several ? "image[]"
                           : "image",
                 filename, input.media_type, input.bytes);
  }
}

Result<http::ClientRequest> ComposeForm(const GenerateRequest& request) {
  if (request.inputs.empty()) {
    return Fail(Code::kInvalidArgument, "operation '" + request.operation + "' needs an image",
                "image");
  }
  const auto fields = Fields(request);
  if (!fields) return std::unexpected(fields.error());
  FormWriter writer;
  for (const auto& [name, value] : fields->items()) {
    if (!value.is_null()) writer.AddField(name, FieldText(value));
  }
  AddImages(request, writer);
  FormWriter::Form form = writer.Finish();
  const bool variation = request.operation == "variation";
  return http::ClientRequest{
      .method = "POST",
      .url = variation ? "/images/variations" : "/images/edits",
      .headers = {{"Accept", "application/json"}, {"Content-Type", std::move(form.content_type)}},
      .body = std::move(form.body)};
}

Result<ApiImage> ReadEntry(const json& entry, std::size_t max_image_bytes) {
  std::string_view text = TextAt(entry, "b64_json");
  if (text.empty()) {
    text = TextAt(entry, "url");
    const bool usable =
        text.starts_with("https://") || text.starts_with("http://") || text.starts_with("data:");
    if (!usable) {
      return Fail(Code::kBadUpstream,
                  "the upstream's answer has neither b64_json nor a usable url");
    }
  }
  auto image = ReadImageText(text, max_image_bytes);
  if (image) image->revised_prompt = TextOf(entry, "revised_prompt");
  return image;
}

class OpenAiApi final : public ImageApi {
 public:
  std::string_view DefaultUrl() const override { return "https://api.openai.com/v1"; }

  // dall-e-3 knows n = 1 only.
  int ImagesPerCall(std::string_view model) const override {
    return BareModel(model) == "dall-e-3" ? 1 : 10;
  }

  Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                      std::chrono::milliseconds) const override {
    // Reference images are an edit's images to this API.
    if (request.operation != "generate" || !request.inputs.empty()) return ComposeForm(request);
    const auto fields = Fields(request);
    if (!fields) return std::unexpected(fields.error());
    return JsonPost("/images/generations", *fields);
  }

  Result<ApiAnswer> Read(const http::ClientResponse& response,
                         std::size_t max_image_bytes) const override {
    const json body = ParseJson(response.body);
    if (!body.is_object() || !body.contains("data") || !body["data"].is_array()) {
      return Fail(Code::kBadUpstream,
                  "the upstream's answer is not a list of images: " + DescribeAnswer(response));
    }
    ApiAnswer answer;
    for (const json& entry : body["data"]) {
      auto image = ReadEntry(entry, max_image_bytes);
      if (!image) return std::unexpected(std::move(image.error()));
      answer.images.push_back(std::move(*image));
    }
    if (answer.images.empty()) {
      return Fail(Code::kBadUpstream, "the upstream's list of images is empty");
    }
    const auto usage = body.find("usage");
    if (usage != body.end() && usage->is_object()) answer.usage = usage->dump();
    return answer;
  }

  http::ClientRequest Probe() const override { return {.url = "/models"}; }
};

}  // namespace

std::unique_ptr<ImageApi> MakeOpenAiApi() {
  return std::make_unique<OpenAiApi>();
}

}  // namespace reprise
