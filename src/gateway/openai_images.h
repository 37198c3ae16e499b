// OpenAI's Images API: reading its requests, writing its replies. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/bytes_cache.h"
#include "cache/image_cache.h"
#include "gateway/generation_reader.h"
#include "gateway/image_links.h"
#include "http/message.h"

namespace reprise {

// The body of POST /v1/images/generations. Parameters it does not know are passed on to the
// upstream, and shape the identity.
Result<ImageCall> ReadGeneration(const http::Request& http, const OpenAiSettings& settings);

// Images are links, where they are stored, or base64. Of a hit's one image the latter goes into
// `kept`, unless null, and is sent from there the next time.
http::Response WriteImages(const Reply& reply, const Decision& decision, bool as_url,
                           const ImageLinks& links, BytesCache* kept = nullptr);

// The reply as Server-Sent Events: for each image `partial_images` events with a picture, then the
// finished one. What is stored is whole already, so every picture is the finished one; a reply that
// has just been generated sends none before it, as the API allows.
http::Response StreamImages(Reply reply, const Decision& decision, const ImageRequest& request,
                            int partial_images);

}  // namespace reprise
