// Reprise's own API: POST /v1/generate. See docs/api-native.md.
#pragma once

#include "gateway/surface.h"

namespace reprise {

class NativeSurface final : public Surface {
 public:
  explicit NativeSurface(const SurfaceParts& parts) : parts_(parts) {}
  void AddRoutes(http::Router& router) override;

 private:
  Task<http::Response> Generate(http::RequestPtr request);

  const SurfaceParts parts_;
};

// A native request: the body, and what its headers ask of the cache. Pure.
Result<ImageCall> ReadNative(const http::Request& http, const OpenAiSettings& settings);

}  // namespace reprise
