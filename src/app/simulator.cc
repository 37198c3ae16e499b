#include "app/simulator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "embed/embedder.h"
#include "gateway/errors.h"
#include "gateway/openai_images.h"
#include "image/image.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kKeptImages = 256;
constexpr std::array<std::string_view, 5> kModels = {"gpt-image-1", "gpt-image-1-mini", "dall-e-2",
                                                     "dall-e-3", "simulated"};

http::Response ApiError(int status, std::string_view message, std::string_view type,
                        std::string_view code) {
  const json body = {
      {"error", {{"message", message}, {"type", type}, {"param", nullptr}, {"code", code}}}};
  return http::Json(status, body.dump());
}

http::Response BadRequest(std::string_view message) {
  return ApiError(400, message, "invalid_request_error", "invalid_value");
}

std::uint64_t RandomSeed() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return random() >> 1;
}

double RandomShare() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// The word after "simulate:" in a prompt, e.g. "error=503"; empty when there is none.
std::string_view FaultOf(std::string_view prompt) {
  constexpr std::string_view kMark = "simulate:";
  const auto at = prompt.find(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = prompt.substr(at + kMark.size());
  return rest.substr(0, rest.find(' '));
}

// Prompts with the same content words have one theme, whatever their order, so their pictures look
// alike, as a model's pictures of one thing do.
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

// A member of the body as a string or number, or the fallback when absent.
template <class T>
T Get(const json& body, const char* key, T fallback) {
  const auto found = body.find(key);
  return found == body.end() || found->is_null() ? fallback : found->get<T>();
}

struct ImageJob {
  Picture picture;
  int count = 1;
  bool as_url = false;
  bool seeded = false;
  std::string model;
};

}  // namespace

class Simulator::Impl {
 public:
  Impl(asio::io_context& context, WorkerPool& workers, SimulatorOptions options)
      : options_(std::move(options)),
        workers_(workers),
        server_(context, {.host = options_.host, .port = options_.port}, Routes(), ErrorResponse) {}

  http::Server& server() { return server_; }
  const SimulatorOptions& options() const { return options_; }
  std::uint64_t image_calls() const { return image_calls_.load(); }

 private:
  http::Router Routes() {
    http::Router router;
    const auto route = [this](Task<http::Response> (Impl::*method)(http::RequestPtr)) {
      return
          [this, method](http::RequestPtr request) { return (this->*method)(std::move(request)); };
    };
    router.Add("POST", "/v1/images/generations", route(&Impl::Images));
    router.Add("POST", "/v1/embeddings", route(&Impl::Embeddings));
    router.Add("GET", "/v1/models", route(&Impl::Models));
    router.Add("GET", "/_images/{id}", route(&Impl::Link));
    router.Add("GET", "/_calls", route(&Impl::Calls));
    return router;
  }

  Task<http::Response> Images(http::RequestPtr request) {
    ++image_calls_;
    const Running running(*this);
    const json body = json::parse(request->body, nullptr, false);
    if (!body.is_object()) co_return BadRequest("the body is not a JSON object");
    ImageJob job;
    std::string problem;
    try {
      problem = ReadJob(body, job);
    } catch (const json::exception& error) {
      problem = error.what();
    }
    if (problem == "model") {
      co_return ApiError(404, "The model '" + job.model + "' does not exist",
                         "invalid_request_error", "model_not_found");
    }
    if (!problem.empty()) co_return BadRequest(problem);
    co_await Sleep(options_.latency);
    if (const auto fault = FaultOf(job.picture.text); !fault.empty()) {
      co_return co_await Fault(std::string(fault));
    }
    if (RandomShare() < options_.error_rate) {
      co_return ApiError(500, "simulated failure", "server_error", "internal_error");
    }
    co_return co_await Draw(std::move(job), std::string(request->Header("Host")));
  }

  // Counts the image calls under way, and the most there ever were.
  struct Running {
    explicit Running(Impl& owner) : owner(owner) {
      const std::uint64_t now = ++owner.running_;
      std::uint64_t most = owner.most_running_.load();
      while (most < now && !owner.most_running_.compare_exchange_weak(most, now)) {
      }
    }
    ~Running() { --owner.running_; }
    Impl& owner;
  };

  // An empty text, "model" for an unknown one, or what is wrong.
  static std::string ReadJob(const json& body, ImageJob& job) {
    job.model = Get<std::string>(body, "model", "dall-e-2");
    if (std::find(kModels.begin(), kModels.end(), job.model) == kModels.end()) return "model";
    job.picture.text = Get<std::string>(body, "prompt", "");
    if (job.picture.text.empty()) return "'prompt' is required";
    job.picture.theme = ThemeOf(job.picture.text);
    job.count = Get<int>(body, "n", 1);
    if (job.count < 1 || job.count > 10) return "'n' must be from 1 to 10";
    const auto size = ParseSize(Get<std::string>(body, "size", "auto"), 4096);
    if (!size) return size.error().message;
    if (!size->automatic()) {
      job.picture.width = size->width;
      job.picture.height = size->height;
    }
    const auto format = FormatFromName(Get<std::string>(body, "output_format", "png"));
    if (!format) return "'output_format' must be png, jpeg or webp";
    job.picture.format = *format;
    job.picture.quality = Get<int>(body, "output_compression", 0);
    const bool dall_e = job.model.starts_with("dall-e");
    job.as_url = Get<std::string>(body, "response_format", dall_e ? "url" : "b64_json") == "url";
    const auto seed = Get<std::int64_t>(body, "seed", -1);
    job.seeded = seed >= 0;
    job.picture.seed = job.seeded ? static_cast<std::uint64_t>(seed) : RandomSeed();
    return "";
  }

  Task<http::Response> Draw(ImageJob job, std::string host) {
    json data = json::array();
    for (int i = 0; i < job.count; ++i) {
      const Picture picture = job.picture;
      auto work = [picture] { return DrawPicture(picture); };
      auto bytes = co_await workers_.Run(std::move(work));
      if (!bytes) co_return ErrorResponse(bytes.error());
      ++images_;
      json item;
      if (job.as_url) {
        item["url"] = "http://" + host + "/_images/" + Keep(std::move(*bytes), picture.format);
      } else {
        item["b64_json"] = Base64Encode(*bytes);
      }
      if (job.model == "dall-e-3") item["revised_prompt"] = picture.text;
      data.push_back(std::move(item));
      job.picture.seed = job.picture.seed * 6364136223846793005ULL + 1442695040888963407ULL;
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    json body = {{"created", std::chrono::duration_cast<std::chrono::seconds>(now).count()},
                 {"data", std::move(data)}};
    if (!job.model.starts_with("dall-e")) body["usage"] = Usage(job);
    co_return http::Json(200, body.dump());
  }

  static json Usage(const ImageJob& job) {
    const auto text = job.picture.text.size() / 4 + 1;
    const auto image = static_cast<std::size_t>(1056 * job.count);
    return {{"total_tokens", text + image},
            {"input_tokens", text},
            {"output_tokens", image},
            {"input_tokens_details", {{"text_tokens", text}, {"image_tokens", 0}}}};
  }

  Task<http::Response> Fault(std::string fault) {
    if (fault == "refuse") {
      co_return ApiError(400, "Your request was rejected as a result of our safety system.",
                         "image_generation_user_error", "content_policy_violation");
    }
    if (fault.starts_with("error=")) {
      int status = 500;
      std::from_chars(fault.data() + 6, fault.data() + fault.size(), status);
      co_return ApiError(std::clamp(status, 400, 599), "simulated failure", "server_error",
                         "internal_error");
    }
    if (fault == "hang") co_await Sleep(std::chrono::hours(1));
    json item = json::object();
    if (fault == "not-an-image") item["b64_json"] = Base64Encode("<html>not an image</html>");
    if (fault == "truncated") {
      auto work = [] { return DrawPicture({.text = "truncated"}); };
      auto bytes = co_await workers_.Run(std::move(work));
      if (bytes)
        item["b64_json"] = Base64Encode(std::string_view(*bytes).substr(0, bytes->size() / 2));
    }
    const json data = item.empty() ? json::array() : json::array({item});
    co_return http::Json(200, json{{"created", 0}, {"data", data}}.dump());
  }

  std::string Keep(std::string bytes, ImageFormat format) {
    const std::string id = std::to_string(++links_) + "." + std::string(Extension(format));
    std::lock_guard lock(mutex_);
    kept_order_.push_back(id);
    kept_[id] = ShareBytes(std::move(bytes));
    if (kept_order_.size() > kKeptImages) {
      kept_.erase(kept_order_.front());
      kept_order_.pop_front();
    }
    return id;
  }

  Task<http::Response> Link(http::RequestPtr request) {
    std::lock_guard lock(mutex_);
    const auto found = kept_.find(request->params.at(0));
    if (found == kept_.end()) co_return ErrorResponse({Code::kNotFound, "no such image"});
    http::Response response{.status = 200, .headers = {}, .body = found->second};
    const auto format = FormatFromName(found->first.substr(found->first.find('.') + 1));
    response.Set("Content-Type", std::string(MediaType(format.value_or(ImageFormat::kPng))));
    co_return response;
  }

  Task<http::Response> Embeddings(http::RequestPtr request) {
    ++embedding_calls_;
    const json body = json::parse(request->body, nullptr, false);
    if (!body.is_object() || !body.contains("input")) co_return BadRequest("'input' is required");
    const json inputs = body["input"].is_array() ? body["input"] : json::array({body["input"]});
    const bool base64 = body.value("encoding_format", "float") == "base64";
    json data = json::array();
    std::size_t tokens = 0;
    for (const json& input : inputs) {
      if (!input.is_string()) co_return BadRequest("'input' must be a string or a list of strings");
      const Prompt prompt = Analyze(input.get<std::string>());
      tokens += prompt.tokens.size();
      const Embedding vector = EmbedBuiltIn(prompt);
      json item = {{"object", "embedding"}, {"index", data.size()}};
      if (base64) {
        static_assert(std::endian::native == std::endian::little);
        item["embedding"] = Base64Encode(
            {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
      } else {
        item["embedding"] = vector;
      }
      data.push_back(std::move(item));
    }
    co_return http::Json(200, json{{"object", "list"},
                                   {"data", std::move(data)},
                                   {"model", body.value("model", "simulated")},
                                   {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}
                                  .dump());
  }

  Task<http::Response> Models(http::RequestPtr) {
    json data = json::array();
    for (const auto model : kModels) {
      data.push_back(
          {{"id", model}, {"object", "model"}, {"created", 0}, {"owned_by", "simulator"}});
    }
    co_return http::Json(200, json{{"object", "list"}, {"data", data}}.dump());
  }

  Task<http::Response> Calls(http::RequestPtr) {
    co_return http::Json(200, json{{"image_calls", image_calls_.load()},
                                   {"images", images_.load()},
                                   {"most_at_once", most_running_.load()},
                                   {"embedding_calls", embedding_calls_.load()}}
                                  .dump());
  }

  const SimulatorOptions options_;
  WorkerPool& workers_;
  std::atomic<std::uint64_t> image_calls_ = 0, images_ = 0, embedding_calls_ = 0, links_ = 0;
  std::atomic<std::uint64_t> running_ = 0, most_running_ = 0;
  std::mutex mutex_;
  std::unordered_map<std::string, SharedBytes> kept_;
  std::deque<std::string> kept_order_;
  http::Server server_;
};

Simulator::Simulator(asio::io_context& context, WorkerPool& workers, SimulatorOptions options)
    : impl_(std::make_unique<Impl>(context, workers, std::move(options))) {}
Simulator::~Simulator() = default;
Result<void> Simulator::Start() {
  return impl_->server().Start();
}
std::uint16_t Simulator::port() const {
  return impl_->server().port();
}
std::string Simulator::base_url() const {
  return "http://" + impl_->options().host + ":" + std::to_string(port()) + "/v1";
}
std::uint64_t Simulator::image_calls() const {
  return impl_->image_calls();
}
bool Simulator::Drain(std::chrono::milliseconds patience) {
  return impl_->server().Drain(patience);
}

}  // namespace reprise
