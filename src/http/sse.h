// Server-Sent Events as text (WHATWG HTML, 9.2). Pure.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace reprise::http {

struct SseEvent {
  std::string_view type;  // empty: the unnamed kind; without line breaks
  std::string_view data;  // may have several lines
  std::string_view id;    // empty: none; without line breaks
};

// With the blank line that ends an event.
std::string FormatSse(const SseEvent& event);

// A 200 whose body is `events`, marked so that neither caches nor buffering proxies keep it back.
Response EventStream(std::shared_ptr<BodyStream> events);

}  // namespace reprise::http
