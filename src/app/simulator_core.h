// What the simulated APIs have in common: latency, faults, pictures, kept images and counts. Each
// API puts what comes out of it into its own words. Safe for any thread.
//
// A prompt can ask for a fault with one word:
//   simulate:refuse        the API's own content refusal
//   simulate:error=STATUS  that status, 400 to 599
//   simulate:rate-limit    429 with Retry-After: 1 at the first call with this prompt, then success
//   simulate:flaky=N       500 at the first N calls with this prompt, then success
//   simulate:hang          nothing, for an hour
//   simulate:not-an-image  HTML where the image belongs
//   simulate:truncated     the first half of an image
//   simulate:empty         success without an image
//   simulate:big           a valid PNG of about 30 MB
//   simulate:trickle       the answer at 256 bytes every 100 ms
//   simulate:queue         RunPod alone: runsync answers IN_QUEUE at once
//   simulate:cost=USD      chat alone: usage.cost says what the image cost
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/simulator.h"
#include "base/bytes.h"
#include "http/message.h"
#include "image/image.h"

namespace reprise {

enum class SimulatedKind { kOpenAi, kChat, kRunPod, kPollinations, kAutomatic1111 };

struct SimulatedCall {
  Picture picture;  // its text is the prompt
  int count = 1;
};

// What becomes of a call.
struct SimulatedOutcome {
  enum class Kind { kImages, kRefused, kFailed };
  Kind kind = Kind::kImages;
  int status = 200;                 // HTTP, of kFailed
  std::vector<SharedBytes> images;  // of kImages; none for simulate:empty
  bool trickle = false;

  std::string Message() const;  // of kRefused and kFailed
};

class SimulatorCore {
 public:
  // `context` and `workers` outlive it.
  SimulatorCore(asio::io_context& context, WorkerPool& workers, SimulatorOptions options)
      : options_(std::move(options)), context_(context), workers_(workers) {}

  const SimulatorOptions& options() const { return options_; }
  asio::io_context& context() { return context_; }
  std::uint64_t image_calls() const { return image_calls_.load(); }
  std::uint64_t cancelled_jobs() const { return cancelled_.load(); }

  // Counts one call for an image from its construction on, and as under way until its end.
  class Running {
   public:
    Running(SimulatorCore& core, SimulatedKind kind);
    ~Running() { --core_.running_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    SimulatorCore& core_;
  };

  void CountEmbeddings() { ++embedding_calls_; }
  void CountCancelled() { ++cancelled_; }
  // GET /_calls.
  nlohmann::json Calls() const;

  // Waits the latency and draws, or fails as the prompt says.
  Task<Result<SimulatedOutcome>> Perform(SimulatedKind kind, SimulatedCall call);
  // `response` as the outcome's API sends it: with Retry-After, slowly.
  static http::Response Send(const SimulatedOutcome& outcome, http::Response response);

  // Keeps an image for GET /_images/{id}; its path, "/_images/1.png".
  std::string Keep(SharedBytes bytes, ImageFormat format);
  // The response to GET /_images/{id}.
  http::Response Kept(const std::string& id) const;

 private:
  bool FailsFirst(SimulatedKind kind, const std::string& prompt, int times);
  Task<Result<SimulatedOutcome>> Fault(SimulatedKind kind, std::string fault, SimulatedCall call);
  Task<Result<SimulatedOutcome>> Draw(SimulatedCall call);

  const SimulatorOptions options_;
  asio::io_context& context_;
  WorkerPool& workers_;
  std::atomic<std::uint64_t> image_calls_ = 0, images_ = 0, embedding_calls_ = 0, cancelled_ = 0;
  std::atomic<std::uint64_t> running_ = 0, most_running_ = 0;
  std::array<std::atomic<std::uint64_t>, 5> calls_of_ = {};
  mutable std::mutex mutex_;
  std::uint64_t links_ = 0;
  std::unordered_map<std::string, SharedBytes> kept_;
  std::deque<std::string> kept_order_;
  std::unordered_map<std::string, int> attempts_;  // by API and prompt, of faults that end
};

// The word after "simulate:" in a prompt, e.g. "error=503"; empty when there is none.
std::string_view FaultOf(std::string_view prompt);

// The same for prompts with the same content words, whatever their order: their pictures look
// alike, as a model's pictures of one thing do.
std::uint64_t ThemeOf(const std::string& prompt);

// `seed`, or a random one when it is negative.
std::uint64_t SeedOr(std::int64_t seed);

// About 30 MB of valid PNG, made once.
SharedBytes BigPng();

// A member of a body, or the fallback when it is absent or null. Throws json::exception when it
// has another type; ReadSimulated turns that into an error.
template <class T>
T Get(const nlohmann::json& body, const char* key, T fallback) {
  const auto found = body.find(key);
  return found == body.end() || found->is_null() ? fallback : found->get<T>();
}

// Reads a JSON body with `read(const json&)`, which returns a Result. kInvalidArgument when it is
// no object or a member has a wrong type.
template <class Read>
auto ReadSimulated(std::string_view text, Read read) -> decltype(read(nlohmann::json())) {
  const auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object()) return Fail(Code::kInvalidArgument, "the body is not a JSON object");
  try {
    return read(body);
  } catch (const nlohmann::json::exception& error) {
    return Fail(Code::kInvalidArgument, error.what());
  }
}

}  // namespace reprise
