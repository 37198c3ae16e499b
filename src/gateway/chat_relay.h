// Passes chat that is not about images on to the chat upstream, and streams its answer back
// untouched.
#pragma once

#include "gateway/surface.h"

namespace reprise {

// What of a caller's headers is sent on: neither those of the connection (RFC 9110, 7.6.1) nor the
// gateway's own; with a key configured, that key instead of the caller's credentials.
http::Headers ForwardedHeaders(const http::Request& request, const ChatSettings& chat);

// What of the upstream's headers reaches the caller.
http::ResponseHeaders RelayedHeaders(const http::Headers& headers);

// 501 when no upstream is configured. Its status and headers are the reply's; its body is sent
// piece by piece, no faster than the caller takes it.
Task<http::Response> RelayChat(SurfaceParts parts, http::RequestPtr request);

}  // namespace reprise
