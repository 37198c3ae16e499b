// Who a request is: what must be equal for an exact hit, and for a semantic one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "cache/request.h"

namespace reprise {

struct Identity {
  std::string scope;     // tenant and namespace: a hard partition
  std::string bucket;    // resolution bucket, "auto", or the size where buckets are off
  Digest compatibility;  // scope and everything that shapes the image except the prompt
  Digest fingerprint;    // compatibility, exact size and exact prompt
};

// With `exact_resolution`, only equal sizes are compatible.
Identity MakeIdentity(const ImageRequest& request, bool exact_resolution);

// The tenant and the namespace of an identity's scope.
std::string TenantOf(std::string_view scope);
std::string NamespaceOf(std::string_view scope);

// The bucket of a size: square when 0.9 <= w/h <= 1.1, else portrait or landscape; small, medium or
// large by the longer side ("sq_md", "pt_sm", "ls_lg"); "auto" for 0 x 0.
std::string ResolutionBucket(ImageSize size);

// Whether an image of `stored` size may be cut to `wanted`: no side enlarged more than 1.5 times.
bool CanResize(ImageSize stored, ImageSize wanted);

// Whether it may answer a request for `wanted`: that, and at least three quarters of the picture
// stay. A bucket has no bound on how flat its sizes are.
bool CanAnswer(ImageSize stored, ImageSize wanted);

}  // namespace reprise
