// The configuration: one table of settings, read from YAML, with the command line on top. Unknown
// keys are refused with a suggestion and their line. `${NAME}` in a value is replaced by that
// environment variable.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/upstream_config.h"
#include "base/result.h"
#include "cache/settings.h"
#include "gateway/access.h"
#include "http/tls.h"
#include "store/sync_mode.h"
#include "upstream/image_judge.h"
#include "work/settings.h"

namespace reprise {

// What turns prompts into vectors; docs/embedders.md has a configuration for each service.
struct EmbedderConfig {
  enum class Kind { kBuiltin, kOpenAi, kCloudflare, kStatic, kOnnx };
  enum class Pooling { kAuto, kCls, kMean };

  Kind kind = Kind::kBuiltin;
  std::string url;  // empty: OpenAI's or Cloudflare's own
  std::string api_key;
  std::string model;
  std::string account;
  std::size_t dimensions = 0;  // 0: what the model gives
  bool base64 = false;
  std::filesystem::path path;     // of a static table or an ONNX model
  std::filesystem::path library;  // ONNX Runtime; empty: looked for
  Pooling pooling = Pooling::kAuto;
  std::size_t batch = 32;
  std::chrono::milliseconds timeout{3'000};
  int attempts = 2;
  std::size_t cache_bytes = 64u << 20;
};

// What the upstream of the section `upstream` is called, with an URL and without.
inline constexpr char kSectionUpstream[] = "openai";
inline constexpr char kSimulatorUpstream[] = "simulator";

struct Config {
  std::string listen = "127.0.0.1:8484";
  std::string admin_listen;  // empty: everything is on `listen`
  std::string public_url;
  std::filesystem::path data = "./data";
  std::size_t threads = 0;  // 0: one per core

  AccessSettings access;
  http::TlsFiles tls;  // both empty: plain HTTP

  CacheSettings cache;
  SyncMode sync = SyncMode::kBehind;
  EmbedderConfig embedder;
  std::string default_model = "gpt-image-1";

  std::string upstream_url;  // empty: the built-in simulator
  std::string upstream_key;
  int upstream_attempts = 3;
  std::size_t upstream_concurrency = 32;
  std::size_t upstream_queue = 2000;
  std::chrono::milliseconds upstream_hedge_after{0};  // 0: no second call
  int upstream_breaker_failures = 5;
  std::chrono::milliseconds upstream_breaker_pause{5'000};
  ModelPrices prices_usd;  // per image
  double default_price_usd = 0.04;
  double budget_usd = 0;        // a day, for each tenant; 0: no bound
  double budget_total_usd = 0;  // a day, for all of them together; 0: no bound
  UpstreamConfigs upstreams;    // beside that one
  RouteTable routes;

  std::string chat_url;  // empty: chat that is not about images is refused
  std::string chat_key;
  BatchSettings batches;

  ChatJudgeOptions judge;  // base_url empty: audits measure images instead

  std::chrono::milliseconds simulator_latency{2000};
  double simulator_error_rate = 0;

  std::size_t body_bytes = 32u << 20;
  std::size_t bodies_bytes = std::size_t{1} << 30;  // 0: no bound
  std::size_t prompt_chars = 32'000;
  std::size_t connections = 8192;
  std::size_t connections_per_address = 0;  // 0: no bound
  std::size_t header_bytes = 16u << 10;
  std::size_t header_count = 100;
  std::chrono::milliseconds read_timeout{60'000};
  std::chrono::milliseconds write_timeout{60'000};
  std::chrono::milliseconds drain_timeout{30'000};

  std::string log_level = "info";
  std::string log_format = "text";
};

// One setting: its dotted key, what it is for, its default as YAML text, and how it is read.
struct Setting {
  std::string key;
  std::string help;
  std::string default_text;
  std::function<Result<void>(std::string_view value, Config& config)> read;
};

// Every setting, in the order of the documentation. (`upstream.prices`, `tenants`, `upstreams` and
// `routes` are maps and read apart.)
const std::vector<Setting>& Settings();

// The embedded database.
std::filesystem::path DatabaseOf(const Config& config);

// kInvalidArgument names the line, the key and the way out; kNotFound when the file is not there.
Result<Config> LoadConfig(const std::filesystem::path& file);
Result<Config> ParseConfig(const std::string& yaml, const std::string& name);

// "1500ms", "30s", "5m", "12h", "30d"; a bare 0. At most 100 years.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
// "4096", "64KB", "256MB", "10GB", "2TB", in powers of 1024.
Result<std::size_t> ParseBytes(std::string_view text);

}  // namespace reprise
