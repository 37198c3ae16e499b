// What one image API says and understands: requests and answers as text, without I/O. ApiGenerator
// does the calling; each API is one small file.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "upstream/api_answer.h"
#include "upstream/image_generator.h"
#include "upstream/upstream.h"

namespace reprise {

// A job that goes on after an answer: how to ask after it, and how to end it. Paths below base_url.
struct ApiJob {
  http::ClientRequest ask;
  http::ClientRequest cancel;
};

// Immutable, so safe for any thread. Requests name paths below the upstream's base_url.
class ImageApi {
 public:
  virtual ~ImageApi() = default;

  // The service's own base URL; empty where there is none.
  virtual std::string_view DefaultUrl() const = 0;
  // The Authorization header for `key`, which is not empty.
  virtual std::string Authorization(const std::string& key) const { return "Bearer " + key; }
  // The most images of `model` that one call may ask for.
  virtual int ImagesPerCall(std::string_view /*model*/) const { return 1; }

  // The call for `request.count` images; `patience` is what one attempt may take. kInvalidArgument
  // for what this API cannot do.
  virtual Result<http::ClientRequest> Compose(const GenerateRequest& request,
                                              std::chrono::milliseconds patience) const = 0;
  // A cheap look at any answer: nothing when Read or PendingJob may have it. Unless an API says
  // otherwise, that is any 2xx.
  virtual std::optional<ApiFault> FaultOf(std::string_view name,
                                          const http::ClientResponse& response) const;
  // The job that the answer leaves unfinished; nothing for APIs that have none.
  virtual std::optional<ApiJob> PendingJob(const http::ClientResponse&) const { return {}; }
  // The images. kForbidden when they are refused; kBadUpstream, showing what came instead, when
  // there are none; kTooLarge when one has more than `max_image_bytes`.
  virtual Result<ApiAnswer> Read(const http::ClientResponse& response,
                                 std::size_t max_image_bytes) const = 0;

  // A call that shows whether the API answers, without generating anything.
  virtual http::ClientRequest Probe() const = 0;
};

std::unique_ptr<ImageApi> MakeOpenAiApi();
std::unique_ptr<ImageApi> MakeChatApi();
std::unique_ptr<ImageApi> MakeRunPodApi();
std::unique_ptr<ImageApi> MakePollinationsApi();
std::unique_ptr<ImageApi> MakeAutomatic1111Api();

// For the APIs:

// request.params without what the gateway's own delivery decides, and without the order of a chat
// message's parts. kInvalidArgument when it is not a JSON object.
Result<nlohmann::json> ReadParams(const GenerateRequest& request);
// The parameter `chat_parts`, or null: see gateway/chat_reader.h. Only chats have such an order.
nlohmann::json ReadChatParts(const GenerateRequest& request);
// Takes out what only OpenAI's Images API understands.
void EraseOpenAiParams(nlohmann::json& params);
// kInvalidArgument when the request is anything but a generation from text alone.
Result<void> RequireTextOnly(const GenerateRequest& request, std::string_view api);
// POST of a JSON body; invalid UTF-8 is replaced.
http::ClientRequest JsonPost(std::string path, const nlohmann::json& body);

}  // namespace reprise
