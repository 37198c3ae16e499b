// The headers that explain a reply, the same on every surface.
#pragma once

#include "cache/decision.h"
#include "http/message.h"

namespace reprise {

// X-Cache, X-Cache-Type, Cache-Status (RFC 9211), Age, X-Reprise-*. The threshold is shown with
// what it was compared to. Characters outside ASCII are percent-encoded, and long reasons cut.
void ExplainReply(const Decision& decision, http::Response& response);

}  // namespace reprise
