// An image API behind one interface.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/task.h"
#include "image/image.h"

namespace reprise {

// Which of several upstreams for one model to ask first.
enum class Preference { kNone, kQuality, kSpeed, kPrice };

struct GenerateInput {
  std::string role = "image";  // "image", or "mask"
  SharedBytes bytes;           // png, jpeg or webp
  std::string media_type;      // "image/png"
};

struct GenerateRequest {
  std::string model;
  std::string operation = "generate";  // "edit", "variation"
  std::vector<GenerateInput> inputs;   // of an edit or a variation; reference images otherwise
  std::string tenant = "default";      // whose turn, and whose budget it is; never sent
  Preference prefer = Preference::kNone;
  std::string prompt;
  int count = 1;              // images wanted
  int width = 0, height = 0;  // 0 x 0: the upstream decides
  std::optional<std::int64_t> seed;
  std::string params = "{}";  // JSON object: every other parameter, passed on as it is
  std::string user;           // the caller's end-user id, passed on; never stored
  Deadline deadline;          // the whole call, retries included, ends by then
};

struct GeneratedImage {
  SharedBytes bytes;
  std::string revised_prompt;          // empty: none given
  std::optional<ImageInfo> info = {};  // none: nobody has decoded it yet
};

struct Generated {
  std::vector<GeneratedImage> images;  // at least one, at most `count`
  std::string usage;                   // the upstream's usage object as JSON, or empty
  std::string text;                    // what the model said beside its images, or empty
  int attempts = 1;
  // Where several can answer: who did, and what each image cost there: the API's own bill where it
  // sends one, else the price list's.
  std::string upstream;
  std::optional<double> image_usd;
  std::optional<std::chrono::milliseconds> took;  // of the call, without the wait for its turn
};

// An upstream at a moment, its counters since the start.
struct UpstreamStatus {
  std::string name;
  std::string_view breaker = "closed";  // "open": not asked for now; "half-open": one call tries
  std::size_t under_way = 0;            // calls
  std::size_t waiting = 0;              // requests, for a place
  std::uint64_t calls = 0, errors = 0, hedges = 0;
  double median_ms = 0;  // of recent good calls; 0: none yet
  double spent_usd = 0;
  double discarded_usd = 0;  // the part of it that went into hedged answers nobody used
};

// Safe for any thread.
class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  // For logs and statistics: "openai", "simulator".
  virtual std::string_view name() const = 0;

  // kForbidden: the upstream refuses the content. kRateLimited, kUnavailable, kDeadlineExceeded:
  // trying again may help, and was tried. kBadUpstream: the answer cannot be used.
  virtual Task<Result<Generated>> Generate(GenerateRequest request) = 0;

  // What an image of the request will probably cost, in US dollars: at the upstream that would be
  // asked first. Nothing for those without a price list.
  virtual std::optional<double> ImagePrice(const GenerateRequest&) const { return {}; }

  // Whether the upstream answers at all, without generating anything: for `doctor` and readiness.
  virtual Task<Result<void>> Probe() = 0;

  // Nothing for those that keep no count.
  virtual std::vector<UpstreamStatus> Status() const { return {}; }
};

}  // namespace reprise
