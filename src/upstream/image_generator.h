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
  SharedBytes bytes;           // checked by the caller
  std::string revised_prompt;  // empty: none given
};

struct Generated {
  std::vector<GeneratedImage> images;  // at least one, at most `count`
  std::string usage;                   // the upstream's usage object as JSON, or empty
  std::string text;                    // what the model said beside its images, or empty
  int attempts = 1;
  // Where several can answer: who did, and what each image cost there.
  std::string upstream;
  std::optional<double> image_usd;
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

  // Whether the upstream answers at all, without generating anything: for `doctor` and readiness.
  virtual Task<Result<void>> Probe() = 0;
};

}  // namespace reprise
