#include "app/simulator_core.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>

#include "base/digest.h"
#include "gateway/errors.h"
#include "prompt/prompt.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kKeptImages = 256;
constexpr std::size_t kKeptPrompts = 10'000;
constexpr std::array<const char*, 5> kKindNames = {"openai", "chat", "runpod", "pollinations",
                                                   "automatic1111"};

double RandomShare() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// The number after "=" of a fault, or the fallback.
int NumberOf(std::string_view fault, int fallback) {
  const auto equals = fault.find('=');
  if (equals == std::string_view::npos) return fallback;
  std::from_chars(fault.data() + equals + 1, fault.data() + fault.size(), fallback);
  return fallback;
}

SimulatedOutcome Failed(int status) {
  return {.kind = SimulatedOutcome::Kind::kFailed, .status = status};
}

// A body that arrives slowly.
class Trickle final : public http::BodyStream {
 public:
  explicit Trickle(std::string text) : text_(std::move(text)) {}

  Task<Result<std::optional<std::string>>> Next() override {
    constexpr std::size_t kPiece = 256;
    if (at_ >= text_.size()) co_return std::optional<std::string>();
    if (at_ > 0) co_await Sleep(std::chrono::milliseconds(100));
    std::optional<std::string> piece = text_.substr(at_, kPiece);
    at_ += kPiece;
    co_return piece;
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string SimulatedOutcome::Message() const {
  return kind == Kind::kRefused ? "Your request was rejected as a result of our safety system."
                                : "simulated failure";
}

SimulatorCore::Running::Running(SimulatorCore& core, SimulatedKind kind) : core_(core) {
  ++core.image_calls_;
  ++core.calls_of_[static_cast<std::size_t>(kind)];
  const std::uint64_t now = ++core.running_;
  std::uint64_t most = core.most_running_.load();
  while (most < now && !core.most_running_.compare_exchange_weak(most, now)) {
  }
}

json SimulatorCore::Calls() const {
  json by_api = json::object();
  for (std::size_t i = 0; i < kKindNames.size(); ++i) by_api[kKindNames[i]] = calls_of_[i].load();
  return {{"image_calls", image_calls_.load()},   {"images", images_.load()},
          {"most_at_once", most_running_.load()}, {"embedding_calls", embedding_calls_.load()},
          {"cancelled", cancelled_.load()},       {"by_api", std::move(by_api)}};
}

// The latency is that of the whole call: drawing is a part of it.
Task<Result<SimulatedOutcome>> SimulatorCore::Perform(SimulatedKind kind, SimulatedCall call) {
  const Deadline end = After(options_.latency);
  const std::string fault(FaultOf(call.picture.text));
  Result<SimulatedOutcome> outcome = Failed(500);
  if (fault.empty() && RandomShare() >= options_.error_rate) {
    outcome = co_await Draw(std::move(call));
  } else if (!fault.empty()) {
    outcome = co_await Fault(kind, fault, std::move(call));
  }
  co_await SleepUntil(end);
  co_return outcome;
}

Task<Result<SimulatedOutcome>> SimulatorCore::Fault(SimulatedKind kind, std::string fault,
                                                    SimulatedCall call) {
  if (fault == "refuse") co_return SimulatedOutcome{.kind = SimulatedOutcome::Kind::kRefused};
  if (fault.starts_with("error=")) co_return Failed(std::clamp(NumberOf(fault, 500), 400, 599));
  if (fault == "rate-limit" && FailsFirst(kind, call.picture.text, 1)) co_return Failed(429);
  if (fault.starts_with("flaky") && FailsFirst(kind, call.picture.text, NumberOf(fault, 1))) {
    co_return Failed(500);
  }
  if (fault == "hang") co_await Sleep(std::chrono::hours(1));
  if (fault == "not-an-image") {
    co_return SimulatedOutcome{.images = {ShareBytes("<html>not an image</html>")}};
  }
  if (fault == "big") co_return SimulatedOutcome{.images = {BigPng()}};
  const bool draws = fault == "truncated" || fault == "trickle" || fault == "rate-limit" ||
                     fault == "queue" || fault.starts_with("flaky") || fault.starts_with("cost=");
  if (!draws) co_return SimulatedOutcome{};
  auto drawn = co_await Draw(std::move(call));
  if (!drawn) co_return drawn;
  drawn->trickle = fault == "trickle";
  if (fault == "truncated") {
    for (SharedBytes& image : drawn->images)
      image = ShareBytes(image->substr(0, image->size() / 2));
  }
  co_return drawn;
}

// True for the first `times` calls of one API with one prompt.
bool SimulatorCore::FailsFirst(SimulatedKind kind, const std::string& prompt, int times) {
  std::lock_guard lock(mutex_);
  if (attempts_.size() >= kKeptPrompts) attempts_.clear();
  return ++attempts_[std::to_string(static_cast<int>(kind)) + prompt] <= times;
}

Task<Result<SimulatedOutcome>> SimulatorCore::Draw(SimulatedCall call) {
  SimulatedOutcome outcome;
  for (int i = 0; i < call.count; ++i) {
    const Picture picture = call.picture;
    auto work = [picture] { return DrawPicture(picture); };
    auto bytes = co_await workers_.Run(std::move(work));
    if (!bytes) co_return std::unexpected(bytes.error());
    ++images_;
    outcome.images.push_back(ShareBytes(std::move(*bytes)));
    call.picture.seed = call.picture.seed * 6364136223846793005ULL + 1442695040888963407ULL;
  }
  co_return outcome;
}

http::Response SimulatorCore::Send(const SimulatedOutcome& outcome, http::Response response) {
  if (outcome.status == 429) response.Set("Retry-After", "1");
  if (outcome.trickle) {
    std::string text(response.BodyView());
    response.body = std::make_shared<Trickle>(std::move(text));
  }
  return response;
}

std::string SimulatorCore::Keep(SharedBytes bytes, ImageFormat format) {
  std::lock_guard lock(mutex_);
  const std::string id = std::to_string(++links_) + "." + std::string(Extension(format));
  kept_order_.push_back(id);
  kept_[id] = std::move(bytes);
  if (kept_order_.size() > kKeptImages) {
    kept_.erase(kept_order_.front());
    kept_order_.pop_front();
  }
  return "/_images/" + id;
}

http::Response SimulatorCore::Kept(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  if (found == kept_.end()) return ErrorResponse({Code::kNotFound, "no such image"});
  http::Response response{.status = 200, .headers = {}, .body = found->second};
  const auto format = FormatFromName(id.substr(id.find('.') + 1));
  response.Set("Content-Type", MediaType(format.value_or(ImageFormat::kPng)));
  return response;
}

std::string_view FaultOf(std::string_view prompt) {
  constexpr std::string_view kMark = "simulate:";
  const auto at = prompt.find(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = prompt.substr(at + kMark.size());
  return rest.substr(0, rest.find_first_of(" \n"));
}

std::uint64_t ThemeOf(const std::string& prompt) {
  std::vector<std::string> words;
  for (const Token& token : Analyze(prompt).tokens) {
    if (token.content) words.push_back(token.lemma);
  }
  std::ranges::sort(words);
  std::string key;
  for (const std::string& word : words) key += word + " ";
  const Digest digest = Sha256(key);
  std::uint64_t theme = 0;
  std::memcpy(&theme, digest.bytes.data(), sizeof theme);
  return theme;
}

std::uint64_t SeedOr(std::int64_t seed) {
  thread_local std::mt19937_64 random(std::random_device{}());
  return seed >= 0 ? static_cast<std::uint64_t>(seed) : random() >> 1;
}

}  // namespace reprise
