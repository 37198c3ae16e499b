// Pollinations' image API: GET and HEAD /prompt/{prompt}, and the same as /image/{prompt}. See
// docs/api-pollinations.md.
#pragma once

#include "gateway/pollinations_request.h"
#include "gateway/readings.h"
#include "gateway/surface.h"

namespace reprise {

class PollinationsSurface final : public Surface {
 public:
  explicit PollinationsSurface(const SurfaceParts& parts) : parts_(parts) {}
  void AddRoutes(http::Router& router) override;

 private:
  Task<http::Response> Image(http::RequestPtr request);

  const SurfaceParts parts_;
  Readings<PollinationsCall> readings_;
};

// How long others may keep the reply: "public, max-age=86400". Pure.
std::string CacheControlFor(const Decision& decision, bool is_private);

}  // namespace reprise
