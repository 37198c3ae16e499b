#include "http/sse.h"

namespace reprise::http {
namespace {

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value) += '\n';
}

// A lone CR ends a line too, so data that holds one would end its field.
void AppendData(std::string_view data, std::string& out) {
  while (true) {
    const auto end = data.find_first_of("\r\n");
    AppendField("data", data.substr(0, end), out);
    if (end == std::string_view::npos) return;
    data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
}

}  // namespace

std::string FormatSse(const SseEvent& event) {
  std::string out;
  out.reserve(event.data.size() + event.type.size() + event.id.size() + 32);
  if (!event.id.empty()) AppendField("id", event.id, out);
  if (!event.type.empty()) AppendField("event", event.type, out);
  AppendData(event.data, out);
  out += '\n';
  return out;
}

Response EventStream(std::shared_ptr<BodyStream> events) {
  Response response{.status = 200, .headers = {}, .body = std::move(events)};
  response.Set("Content-Type", "text/event-stream; charset=utf-8");
  response.Set("Cache-Control", "no-store");
  response.Set("X-Accel-Buffering", "no");
  return response;
}

}  // namespace reprise::http
