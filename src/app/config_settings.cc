// The table of all settings with a single value: what reads the YAML, documents it and prints it.
#include <algorithm>
#include <vector>

#include "app/config.h"
#include "app/config_values.h"

namespace reprise {
namespace {

using Setter = std::function<Result<void>(std::string_view, Config&)>;
using std::chrono::milliseconds;

template <class Access>
Setter Word(Access access) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    access(config) = value;
    return {};
  };
}

Setter Text(std::string Config::*field) {
  return Word([field](Config & c) -> auto& { return c.*field; });
}

template <class Access>
Setter Number(Access access, double min, double max) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto& field = access(config);
    auto number = ParseNumber<double>(value, min, max);
    if (!number) return std::unexpected(number.error());
    field = static_cast<std::remove_reference_t<decltype(field)>>(*number);
    return {};
  };
}

template <class Access>
Setter Whole(Access access, long long min, long long max) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto& field = access(config);
    auto number = ParseNumber<long long>(value, min, max);
    if (!number) return std::unexpected(number.error());
    field = static_cast<std::remove_reference_t<decltype(field)>>(*number);
    return {};
  };
}

template <class Access>
Setter Bytes(Access access) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto bytes = ParseBytes(value);
    if (!bytes) return std::unexpected(bytes.error());
    access(config) = *bytes;
    return {};
  };
}

template <class Set>
Setter Duration(Set set) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto duration = ParseDuration(value);
    if (!duration) return std::unexpected(duration.error());
    set(config, *duration);
    return {};
  };
}

// For waits that would end before they began.
template <class Set>
Setter Timeout(Set set) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto wait = ParseDuration(value);
    if (!wait) return std::unexpected(wait.error());
    if (wait->count() == 0) return ExpectedValue("a time longer than 0", value);
    set(config, *wait);
    return {};
  };
}

template <class Set>
Setter Choice(std::vector<std::string> words, Set set) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    const auto found = std::find(words.begin(), words.end(), value);
    if (found != words.end()) {
      set(config, static_cast<std::size_t>(found - words.begin()));
      return {};
    }
    std::string list = "one of";
    for (const std::string& word : words) list += " " + word;
    return ExpectedValue(list, value);
  };
}

template <class Access>
Setter Address(Access access) {
  return [=](std::string_view value, Config& config) -> Result<void> {
    auto address = ParseAddress(value);
    if (!address) return std::unexpected(address.error());
    access(config) = std::move(*address);
    return {};
  };
}

std::vector<Setting> ServerSettings() {
  return {
      {"listen", "Address and port to serve on.", "127.0.0.1:8484", Text(&Config::listen)},
      {"admin_listen",
       "Address and port of what is for those who run the gateway (purges, metrics, statistics "
       "of all tenants), with everything else; empty: one port for all.",
       "\"\"", Text(&Config::admin_listen)},
      {"public_url",
       "How clients reach the gateway, for image links; empty: the Host header.",
       "\"\"", Address([](Config & c) -> auto& { return c.public_url; })},
      {"data", "Directory for the database and the images; made if missing.", "./data",
       [](std::string_view value, Config& config) -> Result<void> {
         config.data = value;
         return {};
       }},
      {"threads", "I/O threads; 0: one per core.", "0",
       Whole(
           [](Config & c) -> auto& { return c.threads; }, 0, 1024)},
      {"model", "The model of requests that name none.", "gpt-image-1",
       Text(&Config::default_model)},
      {"budget_usd", "US dollars a day (UTC) that each tenant may spend on images; 0: no bound.",
       "0",
       Number(
           [](Config & c) -> auto& { return c.budget_usd; }, 0, 1'000'000)},
      {"budget_total_usd",
       "US dollars a day (UTC) that all tenants together may spend; 0: no bound.", "0",
       Number(
           [](Config & c) -> auto& { return c.budget_total_usd; }, 0, 1'000'000)},
  };
}

std::vector<Setting> AccessSettingsTable() {
  return {
      {"auth",
       "auto: API keys are needed as soon as there is one (`reprise keys add`), and without one "
       "only loopback is served; required: always; off: whoever reaches the gateway may use it.",
       "auto",
       Choice(
           {"auto", "required", "off"},
           [](Config& c, std::size_t i) { c.access.mode = static_cast<AccessSettings::Mode>(i); })},
      {"tls.certificate",
       "PEM file with the gateway's certificate, then those that vouch for it; empty: plain HTTP. "
       "Read again on SIGHUP.",
       "\"\"", Word([](Config & c) -> auto& { return c.tls.certificate; })},
      {"tls.key", "PEM file with the certificate's key, without a passphrase.", "\"\"",
       Word([](Config & c) -> auto& { return c.tls.key; })},
      {"links.access",
       "Who may follow a link to an image: signed (whoever has it, until it expires), open "
       "(whoever "
       "has it), auto (signed where API keys are needed).",
       "auto",
       Choice({"auto", "open", "signed"},
              [](Config& c, std::size_t i) {
                c.access.links = static_cast<AccessSettings::Links>(i);
              })},
      {"links.expiry", "How long a signed link is valid.", "1h",
       Timeout([](Config& c, milliseconds expiry) { c.access.link_expiry = expiry; })},
      {"links.secret",
       "What links are signed with; empty: random bytes, kept in the database. Name an environment "
       "variable rather than the secret itself.",
       "\"\"", Word([](Config & c) -> auto& { return c.access.link_secret; })},
  };
}

std::vector<Setting> CacheSettingsTable() {
  const auto cache = [](auto CacheSettings::*field) {
    return [field](Config & config) -> auto& {
      return config.cache.*field;
    };
  };
  return {
      {"cache.mode", "semantic: rephrasings hit too; exact: only identical requests.", "semantic",
       Choice({"exact", "semantic"}, [](Config& c, std::size_t i) { c.cache.semantic = i == 1; })},
      {"cache.similarity_threshold", "The least similarity of a semantic hit, 0 to 1.", "0.85",
       Number(cache(&CacheSettings::similarity_threshold), 0, 1)},
      {"cache.match",
       "How neighbours are verified: safe, hard (fewer vetoes), off (cosine alone; not advised).",
       "safe",
       Choice({"off", "hard", "safe"},
              [](Config& c, std::size_t i) { c.cache.match_mode = static_cast<MatchMode>(i); })},
      {"cache.calibration.bias",
       "What `reprise eval --calibrate` fitted to your pairs; 0, 1, 0: nothing.", "0",
       Number(
           [](Config & c) -> auto& { return c.cache.calibration.bias; }, -100, 100)},
      {"cache.calibration.similarity", "The same: weight of the verifier's similarity.", "1",
       Number(
           [](Config & c) -> auto& { return c.cache.calibration.similarity; }, 0, 100)},
      {"cache.calibration.cosine", "The same: weight of the cosine.", "0",
       Number(
           [](Config & c) -> auto& { return c.cache.calibration.cosine; }, 0, 100)},
      {"cache.max_error",
       "Share of rephrased requests that may get a wrong image, 0 to 1; 0: as the verifier says.",
       "0", Number(cache(&CacheSettings::max_error), 0, 1)},
      {"cache.candidates", "Nearest neighbours that are verified for a semantic hit.", "10",
       Whole(cache(&CacheSettings::candidates), 1, 1000)},
      {"cache.embedding_timeout",
       "How long a miss waits for its prompt's vector; after that, exact matching only.", "2s",
       Timeout([](Config& c, milliseconds wait) { c.cache.embedding_timeout = wait; })},
      {"cache.resolution_policy",
       "bucket: a near size answers, cut to the size asked for; exact: only equal sizes.", "bucket",
       Choice({"bucket", "exact"},
              [](Config& c, std::size_t i) { c.cache.exact_resolution = i == 1; })},
      {"cache.ttl", "How long images are kept; 0: for ever.", "30d",
       Duration([](Config& c, milliseconds ttl) { c.cache.ttl_ms = ttl.count(); })},
      {"cache.variants", "Images made for a prompt before its repeats are answered from them.", "1",
       Whole(cache(&CacheSettings::variants), 1, 10)},
      {"cache.sync",
       "behind: an image is on the disk within some 0.1 s of its reply, which a power cut can cost "
       "(kill -9 cannot); before: when its reply is sent.",
       "behind",
       Choice({"behind", "before"},
              [](Config& c, std::size_t i) { c.sync = static_cast<SyncMode>(i); })},
      {"cache.max_bytes",
       "The most that is stored; before it is reached, what is worth least goes. 0: no bound.",
       "10GB", Bytes([](Config & c) -> auto& { return c.cache.limits.max_bytes; })},
      {"cache.max_entries", "The most entries that are stored, in the same way; 0: no bound.", "0",
       Whole(
           [](Config & c) -> auto& { return c.cache.limits.max_entries; }, 0, 1'000'000'000)},
      {"cache.min_free_disk",
       "Free space of the disk below which nothing is stored, and stored images go; 0: none.",
       "1GB", Bytes([](Config & c) -> auto& { return c.cache.limits.min_free_disk; })},
      {"cache.memory", "Memory for images that are asked for often, as bytes and as base64.",
       "256MB", Bytes(cache(&CacheSettings::hot_bytes))},
  };
}

std::vector<Setting> EmbedderSettings() {
  using Kind = EmbedderConfig::Kind;
  using Pooling = EmbedderConfig::Pooling;
  const auto field = [](auto EmbedderConfig::*member) {
    return [member](Config & config) -> auto& {
      return config.embedder.*member;
    };
  };
  return {
      {"embedder.kind",
       "What turns prompts into vectors: builtin, openai (any API that speaks it), cloudflare, "
       "static (model2vec files) or onnx.",
       "builtin",
       Choice({"builtin", "openai", "cloudflare", "static", "onnx"},
              [](Config& c, std::size_t i) { c.embedder.kind = static_cast<Kind>(i); })},
      {"embedder.url", "Base URL of its API; empty: OpenAI's or Cloudflare's own.", "\"\"",
       Address(field(&EmbedderConfig::url))},
      {"embedder.api_key", "Its key. Name an environment variable rather than the key itself.",
       "${EMBEDDER_API_KEY}", Word(field(&EmbedderConfig::api_key))},
      {"embedder.model", "The model, as the API names it.", "\"\"",
       Word(field(&EmbedderConfig::model))},
      {"embedder.account", "Cloudflare's account id.", "\"\"",
       Word(field(&EmbedderConfig::account))},
      {"embedder.dimensions", "Size of the vectors to ask openai for; 0: what the model gives.",
       "0", Whole(field(&EmbedderConfig::dimensions), 0, 16'384)},
      {"embedder.encoding", "How openai sends vectors: float, or base64 (smaller).", "float",
       Choice({"float", "base64"}, [](Config& c, std::size_t i) { c.embedder.base64 = i == 1; })},
      {"embedder.path", "Folder of a static or onnx model.", "\"\"",
       Word(field(&EmbedderConfig::path))},
      {"embedder.library", "ONNX Runtime's libonnxruntime.so; empty: where tools/setup puts it.",
       "\"\"", Word(field(&EmbedderConfig::library))},
      {"embedder.pooling",
       "How token vectors become one, for cloudflare and onnx: cls, mean, or auto (cloudflare: "
       "cls; "
       "onnx: what the model's folder says, else mean).",
       "auto",
       Choice({"auto", "cls", "mean"},
              [](Config& c, std::size_t i) { c.embedder.pooling = static_cast<Pooling>(i); })},
      {"embedder.batch", "The most texts in a call.", "32",
       Whole(field(&EmbedderConfig::batch), 1, 2048)},
      {"embedder.timeout", "How long a request waits for its vector; then exact matching only.",
       "3s", Timeout([](Config& c, milliseconds wait) { c.embedder.timeout = wait; })},
      {"embedder.attempts", "Tries of a call that fails with 429, 5xx or a broken connection.", "2",
       Whole(field(&EmbedderConfig::attempts), 1, 10)},
      {"embedder.cache", "Memory for vectors of texts seen before; not for builtin and static.",
       "64MB", Bytes(field(&EmbedderConfig::cache_bytes))},
  };
}

std::vector<Setting> AuditSettingsTable() {
  return {
      {"audit.share",
       "Share of semantic hits that are also generated, behind the reply, and compared; 0: none.",
       "0",
       Number(
           [](Config & c) -> auto& { return c.cache.audit.share; }, 0, 1)},
      {"audit.budget", "US dollars a day (UTC) that audits may cost.", "1.00",
       Number(
           [](Config & c) -> auto& { return c.cache.audit.budget_usd; }, 0, 1'000'000)},
      {"audit.judge.url",
       "Base URL of an OpenAI-compatible API with a vision model that judges; empty: images are "
       "measured.",
       "\"\"", Address([](Config & c) -> auto& { return c.judge.base_url; })},
      {"audit.judge.api_key", "Its key. Name an environment variable rather than the key itself.",
       "\"\"", Word([](Config & c) -> auto& { return c.judge.api_key; })},
      {"audit.judge.model", "The vision model, e.g. gpt-4o-mini.", "gpt-4o-mini",
       Word([](Config & c) -> auto& { return c.judge.model; })},
      {"audit.judge.price", "US dollars that one judgement costs.", "0.002",
       Number(
           [](Config & c) -> auto& { return c.cache.audit.judge_usd; }, 0, 1000)},
  };
}

std::vector<Setting> UpstreamSettings() {
  return {
      {"upstream.url",
       "Base URL of an OpenAI-compatible API, e.g. https://api.openai.com/v1; empty: the built-in "
       "simulator.",
       "\"\"", Address([](Config & c) -> auto& { return c.upstream_url; })},
      {"upstream.api_key", "Its key. Name an environment variable rather than the key itself.",
       "${OPENAI_API_KEY}", Text(&Config::upstream_key)},
      {"upstream.timeout", "How long a request waits for its image, queue and retries included.",
       "180s", Timeout([](Config& c, milliseconds wait) { c.cache.request_timeout = wait; })},
      {"upstream.attempts", "Tries of a call that fails with 429, 5xx or a broken connection.", "3",
       Whole(
           [](Config & c) -> auto& { return c.upstream_attempts; }, 1, 10)},
      {"upstream.concurrency", "Calls to the upstream at the same time.", "32",
       Whole(
           [](Config & c) -> auto& { return c.upstream_concurrency; }, 1, 100'000)},
      {"upstream.queue", "Requests that may wait for a free call; more get a 503.", "2000",
       Whole(
           [](Config & c) -> auto& { return c.upstream_queue; }, 0, 1'000'000)},
      {"upstream.hedge_after",
       "When a call has taken that long, a second one goes out and the first good answer wins; 0: "
       "none does.",
       "0", Duration([](Config& c, milliseconds wait) { c.upstream_hedge_after = wait; })},
      {"upstream.breaker_failures",
       "Failed generations in a row until the upstream is left alone for a while.", "5",
       Whole(
           [](Config & c) -> auto& { return c.upstream_breaker_failures; }, 1, 1000)},
      {"upstream.breaker_pause",
       "How long that is, the first time; doubled while it does not recover, up to 60s.", "5s",
       Timeout([](Config& c, milliseconds pause) { c.upstream_breaker_pause = pause; })},
      {"upstream.default_price", "US dollars per image of models without a known price.", "0.04",
       Number(
           [](Config & c) -> auto& { return c.default_price_usd; }, 0, 1000)},
      {"chat.url",
       "Base URL of the API that chat which is not about images is passed on to, e.g. "
       "https://openrouter.ai/api/v1; empty: such chat is refused.",
       "\"\"", Address([](Config & c) -> auto& { return c.chat_url; })},
      {"chat.api_key",
       "Its key; empty: callers' own are passed on. Name an environment variable rather than the "
       "key itself.",
       "\"\"", Text(&Config::chat_key)},
      {"simulator.latency", "How long the built-in simulator takes for an image.", "2s",
       Duration([](Config& c, milliseconds latency) { c.simulator_latency = latency; })},
      {"simulator.error_rate", "Share of the simulator's calls that fail, 0 to 1.", "0",
       Number(
           [](Config & c) -> auto& { return c.simulator_error_rate; }, 0, 1)},
  };
}

std::vector<Setting> BatchSettingsTable() {
  const auto field = [](auto BatchSettings::*member) {
    return [member](Config & config) -> auto& {
      return config.batches.*member;
    };
  };
  return {
      {"batches.items", "Items of one batch.", "1000",
       Whole(field(&BatchSettings::items), 1, 100'000)},
      {"batches.concurrency", "Items of background batches that are asked for at the same time.",
       "32", Whole(field(&BatchSettings::concurrency), 1, 100'000)},
      {"batches.queue", "Items of background batches that may wait; more get a 503.", "100000",
       Whole(field(&BatchSettings::queue), 1, 10'000'000)},
      {"batches.keep", "How long an ended batch can be looked at; 0: for ever.", "7d",
       Duration([](Config& c, milliseconds keep) { c.batches.keep_ms = keep.count(); })},
      {"batches.private_webhooks",
       "Whether webhooks may be on private networks and this machine: no or yes.", "no",
       Choice({"no", "yes"},
              [](Config& c, std::size_t i) { c.batches.private_webhooks = i == 1; })},
  };
}

std::vector<Setting> LimitSettings() {
  return {
      {"limits.body", "The largest request body.", "32MB",
       Bytes([](Config & c) -> auto& { return c.body_bytes; })},
      {"limits.bodies",
       "Memory for request bodies that arrive or are worked on, beside 16 KB of each; more get a "
       "503. 0: no bound.",
       "1GB", Bytes([](Config & c) -> auto& { return c.bodies_bytes; })},
      {"limits.prompt", "The longest prompt, in characters.", "32000",
       Whole(
           [](Config & c) -> auto& { return c.prompt_chars; }, 1, 1'000'000)},
      {"limits.image", "The largest image accepted from an upstream.", "64MB",
       Bytes([](Config & c) -> auto& { return c.cache.image_limits.max_bytes; })},
      {"limits.image_pixels", "Its most pixels, checked before it is decoded.", "64000000",
       Whole(
           [](Config & c) -> auto& { return c.cache.image_limits.max_pixels; }, 1, 1'000'000'000)},
      {"limits.header", "The longest URL, and the longest value of a header.", "16KB",
       Bytes([](Config & c) -> auto& { return c.header_bytes; })},
      {"limits.headers", "Headers of a request.", "100",
       Whole(
           [](Config & c) -> auto& { return c.header_count; }, 1, 10'000)},
      {"limits.connections", "Client connections at the same time.", "8192",
       Whole(
           [](Config & c) -> auto& { return c.connections; }, 1, 1'000'000)},
      {"limits.connections_per_address",
       "Of one client address (IPv6: network of 64 bits); more are closed. 0: no bound, as behind "
       "a "
       "proxy, whose address all clients share.",
       "0",
       Whole(
           [](Config & c) -> auto& { return c.connections_per_address; }, 0, 1'000'000)},
      {"limits.read_timeout", "For a request to arrive whole, and for idle connections.", "60s",
       Timeout([](Config& c, milliseconds wait) { c.read_timeout = wait; })},
      {"limits.write_timeout", "For a client to take its reply.", "60s",
       Timeout([](Config& c, milliseconds wait) { c.write_timeout = wait; })},
      {"limits.drain_timeout", "For requests under way to finish after SIGTERM.", "30s",
       Duration([](Config& c, milliseconds wait) { c.drain_timeout = wait; })},
      {"log.level", "trace, debug, info, warning, error or off.", "info",
       Choice({"trace", "debug", "info", "warning", "error", "off"},
              [](Config& c, std::size_t i) {
                static const char* const kLevels[] = {"trace",   "debug", "info",
                                                      "warning", "error", "off"};
                c.log_level = kLevels[i];
              })},
      {"log.format", "text, or json: one object a line.", "text",
       Choice({"text", "json"},
              [](Config& c, std::size_t i) { c.log_format = i == 0 ? "text" : "json"; })},
  };
}

}  // namespace

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> list;
    for (auto part :
         {ServerSettings(), AccessSettingsTable(), CacheSettingsTable(), EmbedderSettings(),
          AuditSettingsTable(), UpstreamSettings(), BatchSettingsTable(), LimitSettings()}) {
      list.insert(list.end(), part.begin(), part.end());
    }
    return list;
  }();
  return all;
}

}  // namespace reprise
