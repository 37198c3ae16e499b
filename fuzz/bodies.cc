// What surfaces read from request bodies.
#include "gateway/batch_reader.h"
#include "gateway/chat_reader.h"
#include "gateway/feedback.h"
#include "gateway/generation_reader.h"
#include "gateway/openai_forms.h"
#include "gateway/purge_request.h"
#include "gateway/runpod_protocol.h"
#include "targets.h"

namespace reprise::fuzz {
namespace {

void Check(const Result<ImageCall>& call) {
  if (!call) return Promise(!call.error().message.empty(), "an error says what is wrong");
  Promise(call->request.count >= 1, "a request asks for an image");
}

http::Request WithBody(std::string_view body) {
  http::Request request;
  request.method = "POST";
  request.body = body;
  return request;
}

}  // namespace

void Bodies(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view body = bytes.substr(1);
  switch (bytes[0]) {
    case 'o':
      return Check(ReadGenerationBody(body, Dialect::kOpenAi, {}));
    case 'n':
      return Check(ReadGenerationBody(body, Dialect::kNative, {}));
    case 'r':
      return Check(ReadRunPod(WithBody(body), "flux", {}));
    case 'p':
      (void)ReadPurge(body, 32'000);
      return;
    case 'f':
      (void)ReadFeedback(body, 32'000);
      return;
  }
}

void Chat(std::string_view bytes) {
  (void)WantsImage(bytes, {});
  const auto call = ReadChat(WithBody(bytes), {});
  if (!call) Promise(!call.error().message.empty(), "an error says what is wrong");
}

void Batch(std::string_view bytes) {
  const auto call = ReadBatchBody(bytes, {}, {});
  if (!call) return;
  Promise(call->names.size() == call->calls.size(), "every item has a name and a call");
  Promise(call->requests.size() == (call->background ? call->names.size() : 0),
          "an item has a request where that is to be stored");
}

void Forms(std::string_view bytes) {
  auto request = WithBody(bytes);
  request.headers = {{"Content-Type", "multipart/form-data; boundary=b"}};
  Check(ReadEdit(request, {}));
  Check(ReadVariation(request, {}));
}

}  // namespace reprise::fuzz
