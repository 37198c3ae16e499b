#include "app/eval_stream.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <tuple>
#include <unordered_map>

#include "app/blank_generator.h"
#include "app/tsv.h"
#include "base/io_threads.h"
#include "cache/image_cache.h"
#include "gateway/openai_images.h"

namespace reprise {
namespace {

constexpr std::size_t kReplayQueue = 1000;
constexpr int kMaxSide = 4096;

// ---- reading ----

using Columns = std::vector<std::string>;

const Columns kColumns = {"prompt", "size", "model", "seed"};

Result<void> SetColumn(ImageRequest& request, const std::string& name, const std::string& value) {
  if (name == "prompt") {
    request.prompt = value;
  } else if (Trimmed(value).empty()) {
    return {};
  } else if (name == "size") {
    auto size = ParseSize(Trimmed(value), kMaxSide);
    if (!size) return std::unexpected(size.error());
    request.size = *size;
  } else if (name == "model") {
    request.model = Trimmed(value);
  } else {
    const std::string text = Trimmed(value);
    std::int64_t seed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Fail(Code::kInvalidArgument, "expected a whole number as seed, found '" + text + "'");
    }
    request.fresh_seed = seed == -1;
    if (!request.fresh_seed) request.seed = seed;
  }
  return {};
}

Result<void> CheckHeader(const Columns& names) {
  for (const std::string& name : names) {
    if (std::ranges::find(kColumns, name) == kColumns.end()) {
      return Fail(Code::kInvalidArgument,
                  "unknown column '" + name + "'; there are prompt, size, model and seed");
    }
  }
  return {};
}

Result<ImageRequest> ReadRequest(const Columns& names, const Columns& values) {
  if (values.size() > names.size()) {
    return Fail(Code::kInvalidArgument, "expected at most " + std::to_string(names.size()) +
                                            " columns, found " + std::to_string(values.size()));
  }
  ImageRequest request;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (auto set = SetColumn(request, names[i], values[i]); !set) {
      return std::unexpected(set.error());
    }
  }
  if (Trimmed(request.prompt).empty()) {
    return Fail(Code::kInvalidArgument, "the prompt is empty");
  }
  request.delivery.bytes = false;
  return request;
}

// ---- replaying ----

class StreamDirectory {
 public:
  StreamDirectory()
      : path_(std::filesystem::temp_directory_path() /
              ("reprise-eval-" + std::to_string(::getpid()) + "-" +
               std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path_);
  }
  ~StreamDirectory() {
    std::error_code ignored;  // nothing depends on it any more
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

// A cache in a directory of its own.
class ReplayCache {
 public:
  ~ReplayCache() {
    // What still runs refers to the cache, so it goes last.
    if (cache_) cache_->Stop();
    workers_.Join();
    io_.Stop();
    cache_.reset();
  }

  Result<void> Open(StreamParts given) {
    if (auto images = InitImages(); !images) return images;
    auto stores = OpenSqliteStores(directory_.path() / "reprise.db");
    if (!stores) return std::unexpected(stores.error());
    auto blobs = OpenFileBlobStore(directory_.path() / "blobs", workers_);
    if (!blobs) return std::unexpected(blobs.error());
    ImageCacheParts parts;
    parts.entries = std::move(stores->entries);
    parts.history = std::move(stores->history);
    parts.trust = std::move(stores->trust);
    // Blank images say nothing of one another.
    given.settings.audit.share = 0;
    given.settings.max_error = 0;
    parts.blobs = std::move(*blobs);
    parts.embedder = std::move(given.embedder);
    parts.verifier = std::move(given.verifier);
    parts.upstream = MakeBlankGenerator(workers_);
    parts.prices = std::move(given.prices);
    cache_ = std::make_unique<ImageCache>(std::move(parts), given.settings, io_.context(), workers_,
                                          clock_);
    return RunTask(io_.context(), cache_->Load());
  }

  Answer Handle(const ImageRequest& request) {
    return RunTask(io_.context(), cache_->Handle(std::make_shared<const ImageRequest>(request)));
  }

 private:
  StreamDirectory directory_;
  SystemClock clock_;
  IoThreads io_{2};
  WorkerPool workers_{2, kReplayQueue};
  std::unique_ptr<ImageCache> cache_;
};

class Recorder {
 public:
  void Record(const ImageRequest& request, const Answer& answer) {
    ++report_.requests;
    const Decision& decision = answer.decision;
    if (!answer.reply) {
      if (report_.failed++ == 0) report_.failure = answer.reply.error().message;
      return;
    }
    report_.saved_usd += decision.saved_usd;
    if (decision.outcome != Outcome::kHit) {
      ++report_.misses;
      if (decision.stored) prompts_.try_emplace(decision.entry, request.prompt);
      if (decision.refused != 0) Meet(false, decision.refused, request.prompt, decision);
    } else if (decision.type == HitType::kSemantic) {
      ++report_.semantic;
      Meet(true, decision.entry, request.prompt, decision);
    } else {
      ++report_.exact;
    }
  }

  StreamReport Finish() {
    std::ranges::sort(report_.meetings, {}, [](const Meeting& meeting) {
      return std::tie(meeting.similarity, meeting.stored, meeting.asked);
    });
    return std::move(report_);
  }

 private:
  void Meet(bool hit, std::uint64_t entry, const std::string& asked, const Decision& decision) {
    const std::string& stored = prompts_[entry];
    const auto [known, added] =
        index_.try_emplace(std::tuple(hit, stored, asked), report_.meetings.size());
    if (!added) {
      ++report_.meetings[known->second].times;
      return;
    }
    report_.meetings.push_back({.hit = hit,
                                .stored = stored,
                                .asked = asked,
                                .similarity = decision.similarity.value_or(0),
                                .cosine = decision.cosine.value_or(0),
                                .reason = decision.reason});
  }

  StreamReport report_;
  std::unordered_map<std::uint64_t, std::string> prompts_;  // by entry
  std::map<std::tuple<bool, std::string, std::string>, std::size_t> index_;
};

}  // namespace

Result<std::vector<ImageRequest>> ReadStream(const std::filesystem::path& file,
                                             const std::string& default_model) {
  const auto lines = ReadTsv(file);
  if (!lines) return std::unexpected(lines.error());
  std::vector<ImageRequest> requests;
  Columns names = kColumns;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const TsvLine& line = (*lines)[i];
    if (i == 0 && Trimmed(line.columns[0]) == "prompt") {
      names = line.columns;
      for (std::string& name : names) name = Trimmed(name);
      if (auto known = CheckHeader(names); !known) {
        return TsvError(file, line, known.error().message);
      }
      continue;
    }
    auto request = ReadRequest(names, line.columns);
    if (!request) return TsvError(file, line, request.error().message);
    if (request->model.empty()) request->model = default_model;
    requests.push_back(std::move(*request));
  }
  if (requests.empty()) {
    return Fail(Code::kInvalidArgument, file.string() + " has no prompts; write one a line");
  }
  return requests;
}

Result<StreamReport> Replay(const std::vector<ImageRequest>& requests, StreamParts parts,
                            const std::function<void(std::size_t)>& progress) {
  ReplayCache cache;
  if (auto opened = cache.Open(std::move(parts)); !opened) return std::unexpected(opened.error());
  Recorder recorder;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    recorder.Record(requests[i], cache.Handle(requests[i]));
    if (progress) progress(i + 1);
  }
  return recorder.Finish();
}

}  // namespace reprise
