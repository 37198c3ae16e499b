// Replays a stream of prompts through a cache of its own and says what it would have answered.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/request.h"
#include "cache/settings.h"
#include "embed/embedder.h"
#include "prompt/verifier.h"
#include "upstream/price.h"

namespace reprise {

// A prompt a line; further tab-separated columns are size, model and seed. A first line whose first
// column is "prompt" names the columns, in any order. kNotFound when the file cannot be read;
// kInvalidArgument names the first bad line.
Result<std::vector<ImageRequest>> ReadStream(const std::filesystem::path& file,
                                             const std::string& default_model);

// A prompt that met a stored one of other wording.
struct Meeting {
  bool hit = false;           // it was answered with the other's image
  std::string stored, asked;  // prompts
  double similarity = 0, cosine = 0;
  std::string reason;
  std::size_t times = 1;
};

struct StreamReport {
  std::size_t requests = 0, exact = 0, semantic = 0, misses = 0, failed = 0;
  double saved_usd = 0;           // what the hits would have cost
  std::string failure;            // of the first that failed
  std::vector<Meeting> meetings;  // distinct; of refused neighbours the nearest. Doubtful first
};

struct StreamParts {
  CacheSettings settings;
  std::unique_ptr<Embedder> embedder;
  std::unique_ptr<Verifier> verifier;
  PriceTable prices = PriceTable::Builtin();
};

// One request after the other, so nothing is in flight when the next one comes. The cache keeps
// everything in memory and is gone afterwards; its upstream draws blank images of the size asked
// for. `progress` is told how many of the requests are done.
Result<StreamReport> Replay(const std::vector<ImageRequest>& requests, StreamParts parts,
                            const std::function<void(std::size_t)>& progress = {});

std::string StreamText(const StreamReport& report, bool hits);
nlohmann::json StreamJson(const StreamReport& report, bool hits);

// The meetings as a pair file whose labels, all "-", a person fills in.
std::string MeetingsTsv(const StreamReport& report);

}  // namespace reprise
