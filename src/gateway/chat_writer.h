// Images as chat completions, in the shape OpenRouter gave them. Pure.
#pragma once

#include <string>

#include "cache/decision.h"
#include "cache/reply.h"
#include "http/message.h"

namespace reprise {

struct ChatReply {
  Reply reply;
  std::string model;           // as the caller named it
  bool include_usage = false;  // of a stream: send it in a last chunk
};

// One choice for each image: the picture as a data URL in message.images, and what the model said
// beside it as the content. A hit used no tokens.
http::Response WriteChat(const ChatReply& chat, const Decision& decision);

// The same as chat.completion.chunk events, [DONE] at the end.
http::Response StreamChat(ChatReply chat, const Decision& decision);

}  // namespace reprise
