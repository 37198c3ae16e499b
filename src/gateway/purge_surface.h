// Removals: DELETE /v1/entries/{id} and POST /v1/purge. See docs/api-native.md.
#pragma once

#include "gateway/surface.h"

namespace reprise {

class PurgeSurface final : public Surface {
 public:
  explicit PurgeSurface(const SurfaceParts& parts) : parts_(parts) {}
  void AddRoutes(http::Router& router) override;

 private:
  Task<http::Response> RemoveEntry(http::RequestPtr request);
  Task<http::Response> Purge(http::RequestPtr request);

  const SurfaceParts parts_;
};

}  // namespace reprise
