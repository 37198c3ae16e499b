// An image request as the cache sees it, whichever API it came through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "image/image.h"
#include "prompt/verifier.h"
#include "upstream/image_generator.h"

namespace reprise {

struct ImageSize {
  int width = 0, height = 0;  // 0 x 0: "auto", the upstream decides
  bool automatic() const { return width == 0; }
  bool operator==(const ImageSize&) const = default;
};

// "1024x1024", or "auto".
std::string ToString(ImageSize size);

// What the caller asked of the cache. Everything here can only make the operator's settings
// stricter (see CacheSettings), never looser.
struct CacheControl {
  bool no_cache = false;        // generate again and replace what is stored
  bool no_store = false;        // keep nothing of this request
  bool only_if_cached = false;  // never generate
  bool exact_only = false;      // no semantic tier
  std::optional<std::int64_t> ttl_ms;
  std::optional<std::int64_t> max_age_ms;  // only images at most this old as it begins
  std::optional<double> similarity_threshold;
  std::optional<MatchMode> match_mode;
  std::optional<double> max_error;  // see CacheSettings; bounds where the operator does not
  std::optional<int> variants;      // images to keep for this prompt before repeats are answered
  std::string name_space;           // a further hard partition within the tenant
};

// How the answer is delivered: never part of a request's identity.
struct Delivery {
  std::optional<ImageFormat> format;  // none: as the upstream made it
  int quality = 0;                    // 1-100 for jpeg and webp, 0: default
  bool bytes = true;                  // false: names for URLs are enough
  bool sent_as_is = false;            // the bytes are the body of the answer
};

// Part of the identity, by its bytes, its role and its place among the others.
struct InputImage {
  std::string role = "image";  // "image", or "mask"
  SharedBytes bytes;
  std::string media_type;
  Digest digest;  // SHA-256 of the bytes
};

struct ImageRequest {
  std::string tenant = "default";
  std::string operation = "generate";  // "edit": changes `inputs`; "variation": of the one input
  std::vector<InputImage> inputs;
  Preference prefer = Preference::kNone;  // among the upstreams of the model's route
  std::string model;
  std::string prompt;
  int count = 1;
  ImageSize size;
  std::optional<std::int64_t> seed;
  bool fresh_seed = false;  // seed -1: a new image, whatever is stored
  // Canonical JSON object of every other parameter that shapes the image, as the caller gave it.
  std::string params = "{}";
  std::string user;  // passed on to the upstream, never stored, never part of the identity
  std::string category;
  std::vector<std::string> tags;
  CacheControl control;
  Delivery delivery;
};

}  // namespace reprise
