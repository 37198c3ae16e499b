// Chat completions that ask for an image, as image requests. Pure, but decodes and hashes the
// images: call from a worker pool.
// https://openrouter.ai/docs/features/multimodal/image-generation
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/surface.h"

namespace reprise {

struct ChatCall {
  ImageRequest request;
  bool stream = false;
  bool include_usage = false;  // in a last chunk, when streamed
};

// Whether the body asks for an image: its `modalities` contain "image", or its `model` is one that
// makes images. False for anything that is no such JSON.
bool WantsImage(std::string_view body, const GatewaySettings& settings);

// The text of the last message, which is the user's, is the prompt; its images that are data URLs
// are inputs. Links are not fetched: they are the parameter `image_urls`, known by their text.
// Where its parts come in another order than the text, pictures, links, or say more of a picture
// than its address, the parameter `chat_parts` has them as they came: "input:2" stands for an input
// there, "link:1" for a link, and a text part without a text for the prompt. Earlier messages are
// the parameter `messages`; an image in them that is a data URL is an input with the role
// "context", and "input:2" stands for it where it was, 2 being its place among the inputs. Every
// other parameter but delivery's is passed on and shapes the identity. kInvalidArgument names what
// is wrong.
Result<ChatCall> ReadChat(const http::Request& http, const OpenAiSettings& settings);

}  // namespace reprise
