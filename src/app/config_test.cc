#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <tuple>

namespace reprise {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }

 private:
  const char* name_;
};

auto Fields(const CacheSettings& c) {
  return std::tuple(c.semantic, c.similarity_threshold, c.match_mode, c.calibration.bias,
                    c.calibration.similarity, c.calibration.cosine, c.candidates,
                    c.embedding_timeout, c.exact_resolution, c.ttl_ms, c.variants, c.tenants,
                    c.hot_bytes, c.request_timeout, c.image_limits.max_bytes,
                    c.image_limits.max_pixels, c.max_error, c.audit.share, c.audit.budget_usd,
                    c.audit.judge_usd, c.tag_ttl_ms, c.limits.max_bytes, c.limits.max_entries,
                    c.limits.min_free_disk);
}
auto Fields(const EmbedderConfig& e) {
  return std::tuple(e.kind, e.url, e.api_key, e.model, e.account, e.dimensions, e.base64, e.path,
                    e.library, e.pooling, e.batch, e.timeout, e.attempts, e.cache_bytes);
}
auto Fields(const Config& c) {
  return std::tuple_cat(
      Fields(c.cache), Fields(c.embedder),
      std::tuple(c.listen, c.public_url, c.data, c.threads, c.default_model, c.upstream_url,
                 c.upstream_key, c.upstream_attempts, c.prices_usd, c.default_price_usd,
                 c.simulator_latency, c.simulator_error_rate, c.upstream_concurrency,
                 c.upstream_queue, c.upstreams, c.routes, c.upstream_hedge_after, c.budget_usd,
                 c.budget_total_usd, c.upstream_breaker_failures, c.upstream_breaker_pause),
      std::tuple(c.batches.items, c.batches.concurrency, c.batches.queue, c.batches.keep_ms,
                 c.batches.private_webhooks, c.sync),
      std::tuple(c.body_bytes, c.prompt_chars, c.connections, c.read_timeout, c.write_timeout,
                 c.drain_timeout, c.log_level, c.log_format, c.judge.base_url, c.judge.api_key,
                 c.judge.model, c.chat_url, c.chat_key),
      std::tuple(c.access.mode, c.access.links, c.access.link_expiry, c.access.link_secret,
                 c.tls.certificate, c.tls.key, c.bodies_bytes, c.connections_per_address, c.admin_listen, c.header_bytes, c.header_count));
}

// One price, whatever the quality and size.
std::vector<PriceRow> Each(double usd) {
  return {{.usd = usd}};
}

Config Parse(const std::string& yaml) {
  auto config = ParseConfig(yaml, "c.yaml");
  EXPECT_TRUE(config) << yaml << ": " << config.error().message;
  return config.value_or(Config{});
}

std::string Refusal(const std::string& yaml) {
  auto config = ParseConfig(yaml, "c.yaml");
  EXPECT_FALSE(config) << yaml;
  if (config) return "";
  EXPECT_EQ(config.error().code, Code::kInvalidArgument);
  return config.error().message;
}

std::string Source(const std::string& file) {
  std::ifstream stream(std::string(REPRISE_SOURCE_DIR "/") + file);
  EXPECT_TRUE(stream) << file;
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// A key as YAML: "cache.ttl" inside its section.
std::string Yaml(const std::string& key, const std::string& value) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) return key + ": " + value + "\n";
  return key.substr(0, dot) + ":\n  " + key.substr(dot + 1) + ": " + value + "\n";
}

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    ::unsetenv("OPENAI_API_KEY");
    ::unsetenv("EMBEDDER_API_KEY");
  }
};

TEST_F(ConfigTest, NothingIsTheDefault) {
  for (const auto text : {"", "\n", "# only a comment\n", "---\n", "cache:\n", "cache: {}\n"}) {
    EXPECT_EQ(Fields(Parse(text)), Fields(Config())) << text;
  }
}

TEST_F(ConfigTest, EverySettingParsesItsDefaultToTheDefault) {
  std::set<std::string> keys;
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_THAT(setting.help, Not(::testing::IsEmpty()));
    EXPECT_EQ(Fields(Parse(Yaml(setting.key, setting.default_text))), Fields(Config()))
        << setting.key;
  }
}

TEST_F(ConfigTest, EverySettingChangesSomething) {
  const std::map<std::string, std::string> others = {
      {"listen", "0.0.0.0:80"},
      {"public_url", "https://i.example"},
      {"auth", "off"},
      {"tls.certificate", "cert.pem"},
      {"tls.key", "key.pem"},
      {"admin_listen", "127.0.0.1:9"},
      {"limits.bodies", "64MB"},
      {"limits.connections_per_address", "50"},
      {"limits.header", "8KB"},
      {"limits.headers", "50"},
      {"links.access", "signed"},
      {"links.expiry", "5m"},
      {"links.secret", "abc"},
      {"data", "/var/lib/reprise"},
      {"threads", "3"},
      {"model", "dall-e-3"},
      {"budget_usd", "12.5"},
      {"budget_total_usd", "99.5"},
      {"cache.mode", "exact"},
      {"cache.similarity_threshold", "1"},
      {"cache.match", "off"},
      {"cache.calibration.bias", "-1.5"},
      {"cache.calibration.similarity", "0.5"},
      {"cache.calibration.cosine", "2"},
      {"cache.max_error", "0.02"},
      {"cache.candidates", "20"},
      {"cache.embedding_timeout", "5s"},
      {"cache.resolution_policy", "exact"},
      {"cache.ttl", "0"},
      {"cache.variants", "2"},
      {"cache.sync", "before"},
      {"cache.max_bytes", "1GB"},
      {"cache.max_entries", "5"},
      {"cache.min_free_disk", "0"},
      {"cache.memory", "1GB"},
      {"embedder.kind", "openai"},
      {"embedder.url", "http://e/v1"},
      {"embedder.api_key", "ek"},
      {"embedder.model", "text-embedding-3-small"},
      {"embedder.account", "a1"},
      {"embedder.dimensions", "512"},
      {"embedder.encoding", "base64"},
      {"embedder.path", "/models/bge"},
      {"embedder.library", "/opt/libonnxruntime.so"},
      {"embedder.pooling", "cls"},
      {"embedder.batch", "1"},
      {"embedder.timeout", "5s"},
      {"embedder.attempts", "1"},
      {"embedder.cache", "0"},
      {"audit.share", "0.01"},
      {"audit.budget", "5"},
      {"audit.judge.url", "http://j/v1"},
      {"audit.judge.api_key", "sk-j"},
      {"audit.judge.model", "vision"},
      {"audit.judge.price", "0.01"},
      {"upstream.url", "http://u/v1"},
      {"upstream.api_key", "sk"},
      {"upstream.timeout", "5s"},
      {"upstream.attempts", "1"},
      {"upstream.concurrency", "1"},
      {"upstream.queue", "0"},
      {"upstream.hedge_after", "3s"},
      {"upstream.breaker_failures", "2"},
      {"upstream.breaker_pause", "1s"},
      {"upstream.default_price", "0.5"},
      {"chat.url", "http://c/v1"},
      {"chat.api_key", "sk-c"},
      {"simulator.latency", "0"},
      {"simulator.error_rate", "0.5"},
      {"batches.items", "5"},
      {"batches.concurrency", "3"},
      {"batches.queue", "50"},
      {"batches.keep", "0"},
      {"batches.private_webhooks", "yes"},
      {"limits.body", "1MB"},
      {"limits.prompt", "10"},
      {"limits.image", "1MB"},
      {"limits.image_pixels", "10"},
      {"limits.connections", "10"},
      {"limits.read_timeout", "5s"},
      {"limits.write_timeout", "5s"},
      {"limits.drain_timeout", "0"},
      {"log.level", "off"},
      {"log.format", "json"},
  };
  for (const Setting& setting : Settings()) {
    ASSERT_TRUE(others.contains(setting.key)) << setting.key;
    EXPECT_NE(Fields(Parse(Yaml(setting.key, others.at(setting.key)))), Fields(Config()))
        << setting.key;
  }
}

TEST_F(ConfigTest, DottedKeysAndSectionsMix) {
  const Config config = Parse("cache.ttl: 5d\ncache:\n  variants: 2\nupstream.prices: {a: 1}\n");
  EXPECT_EQ(config.cache.ttl_ms, 5LL * 86'400'000);
  EXPECT_EQ(config.cache.variants, 2);
  EXPECT_EQ(config.prices_usd.at("a"), Each(1));
}

TEST_F(ConfigTest, CalibrationIsPastedAsAMap) {
  const Calibration calibration{.bias = -1.25, .similarity = 0.8, .cosine = 2};
  EXPECT_EQ(
      Parse("cache:\n  calibration: {bias: -1.25, similarity: 0.8, cosine: 2}\n").cache.calibration,
      calibration);
  EXPECT_THAT(Refusal("cache:\n  calibration: {cosine: -1}\n"),
              HasSubstr("'cache.calibration.cosine': expected a number from 0 to 100"));
}

TEST_F(ConfigTest, UnknownKeysAreRefusedWithTheirLineAndASuggestion) {
  const std::pair<const char*, const char*> cases[] = {
      {"listen: 127.0.0.1:0\ncache:\n  tll: 5d\n",
       "c.yaml:3: unknown setting 'cache.tll'; did you mean 'cache.ttl'?"},
      {"chache:\n  ttl: 5d\n", "c.yaml:1: unknown setting 'chache'; did you mean 'cache'?"},
      {"\nlisten_: x\n", "c.yaml:2: unknown setting 'listen_'; did you mean 'listen'?"},
      {"upstream:\n  price: {}\n",
       "c.yaml:2: unknown setting 'upstream.price'; did you mean 'upstream.prices'?"},
      {"zzzzzzzzzzzz: 1\n",
       "c.yaml:1: unknown setting 'zzzzzzzzzzzz'; docs/configuration.md lists every setting"},
      {"cache: 5\n", "c.yaml:1: unknown setting 'cache'"},
  };
  for (const auto& [yaml, message] : cases) EXPECT_THAT(Refusal(yaml), StartsWith(message));
}

TEST_F(ConfigTest, WrongValuesAreRefusedWithTheirLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"cache:\n  ttl: soon\n", "c.yaml:2: 'cache.ttl': expected a duration"},
      {"threads: -1\n", "c.yaml:1: 'threads': expected a number from 0 to 1024, found '-1'"},
      {"threads: 1.5\n", "c.yaml:1: 'threads': expected"},
      {"cache.similarity_threshold: 85\n", "expected a number from 0 to 1, found '85'"},
      {"cache.max_error: 2\n", "expected a number from 0 to 1, found '2'"},
      {"audit:\n  share: -1\n", "c.yaml:2: 'audit.share': expected a number from 0 to 1"},
      {"audit:\n  judge:\n    url: x\n", "c.yaml:3: 'audit.judge.url': expected an http://"},
      {"cache.mode: fuzzy\n", "expected one of exact semantic, found 'fuzzy'"},
      {"cache.match: false\n", "expected one of off hard safe, found 'false'"},
      {"upstream.url: api.openai.com\n", "expected an http:// or https:// address"},
      {"public_url: images.example.com\n", "expected an http:// or https:// address"},
      {"embedder.kind: bert\n", "expected one of builtin openai cloudflare static onnx, found"},
      {"embedder.url: localhost:11434\n", "expected an http:// or https:// address"},
      {"embedder.batch: 0\n", "expected a number from 1 to 2048"},
      {"embedder.timeout: 0\n", "expected a time longer than 0"},
      {"embedder.pooling: max\n", "expected one of auto cls mean"},
      {"upstream.timeout: 0\n", "expected a time longer than 0, found '0'"},
      {"limits.read_timeout: 0.5ms\n", "expected a time longer than 0"},
      {"limits.write_timeout: 0s\n", "expected a time longer than 0"},
      {"limits.body: lots\n", "expected a number of bytes"},
      {"listen: [a]\n", "c.yaml:1: 'listen' takes a single value"},
      {"listen: {a: b}\n", "c.yaml:1: 'listen' takes a single value"},
      {"cache:\n  ttl:\n", "c.yaml:2: 'cache.ttl' takes a single value"},
      {"cache:\n  ttl: 1d\n  ttl: 2d\n", "c.yaml:3: 'cache.ttl' is set twice"},
      {"cache.ttl: 1d\ncache: {ttl: 2d}\n", "c.yaml:2: 'cache.ttl' is set twice"},
      {"upstream:\n  prices: 5\n", "c.yaml:2: 'upstream.prices' maps model names"},
      {"upstream:\n  prices:\n    a: cheap\n", "c.yaml:3: 'upstream.prices': expected a number"},
      {"upstream:\n  prices:\n    a: [1]\n", "c.yaml:3: 'upstream.prices': expected a number"},
      {"upstream.prices: {a: {high: dear}}\n", "c.yaml:1: 'upstream.prices': expected a number"},
      {"upstream.prices: {a: {}}\n", "c.yaml:1: 'upstream.prices' has a model without a price"},
      {"upstream.prices: {a: {1024x1024 high: 1}}\n", "found '1024x1024 high'"},
      {"cache: [\n", "c.yaml:2: "},
      {"- a\n", "c.yaml: expected 'key: value' lines"},
      {"just text\n", "c.yaml: expected 'key: value' lines"},
      {"? [a, b]\n: c\n", "c.yaml:1: "},
      {"a: *unknown\n", "c.yaml:1: "},
  };
  for (const auto& [yaml, message] : cases) EXPECT_THAT(Refusal(yaml), HasSubstr(message));
}

TEST_F(ConfigTest, EnvironmentReferencesAreReplaced) {
  const Environment host("REPRISE_TEST_HOST", "10.0.0.1"), port("REPRISE_TEST_PORT", "99");
  EXPECT_EQ(Parse("listen: ${REPRISE_TEST_HOST}:${REPRISE_TEST_PORT}\n").listen, "10.0.0.1:99");
  EXPECT_EQ(Parse("upstream.prices: {m: \"0.${REPRISE_TEST_PORT}\"}").prices_usd.at("m"),
            Each(0.99));
  EXPECT_EQ(Parse("model: a${REPRISE_TEST_UNSET}b\n").default_model, "ab");
  EXPECT_EQ(Parse("model: ${REPRISE_TEST\n").default_model, "${REPRISE_TEST");
  EXPECT_EQ(Parse("model: $REPRISE_TEST_PORT\n").default_model, "$REPRISE_TEST_PORT");
  EXPECT_THAT(Refusal("threads: ${REPRISE_TEST_UNSET}\n"), HasSubstr("found ''"));
}

TEST_F(ConfigTest, WhatAVariableHoldsIsNotExpandedAgain) {
  const Environment loop("REPRISE_TEST_LOOP", "${REPRISE_TEST_LOOP}");
  EXPECT_EQ(Parse("model: ${REPRISE_TEST_LOOP}\n").default_model, "${REPRISE_TEST_LOOP}");
}

TEST_F(ConfigTest, TheKeyComesFromTheEnvironment) {
  const Environment key("OPENAI_API_KEY", "sk-env");
  EXPECT_EQ(Parse("").upstream_key, "sk-env");
  EXPECT_EQ(Parse("upstream: {api_key: sk-file}\n").upstream_key, "sk-file");
  EXPECT_EQ(Parse("upstream: {api_key: \"\"}\n").upstream_key, "");
  EXPECT_EQ(Parse("").embedder.api_key, "") << "a key goes only where it was meant to go";
  const Environment own("EMBEDDER_API_KEY", "ek-env");
  EXPECT_EQ(Parse("").embedder.api_key, "ek-env");
}

TEST_F(ConfigTest, AddressesLoseTheirLastSlash) {
  EXPECT_EQ(Parse("public_url: https://images.example.com//\n").public_url,
            "https://images.example.com");
  EXPECT_EQ(Parse("upstream.url: http://u:1/v1/\n").upstream_url, "http://u:1/v1");
}

TEST_F(ConfigTest, Prices) {
  const Config config = Parse("upstream:\n  prices:\n    m: 0.5\n    free: 0\n");
  EXPECT_EQ(config.prices_usd, (ModelPrices{{"m", Each(0.5)}, {"free", Each(0)}}));
  EXPECT_TRUE(Parse("upstream:\n  prices:\n").prices_usd.empty());
}

TEST_F(ConfigTest, TagsShortenTheTimeToLive) {
  ::setenv("REPRISE_TEST_TTL", "1h", 1);
  const Config config =
      Parse("cache:\n  tag_ttl: {draft: \"${REPRISE_TEST_TTL}\", week: 7d}\n  ttl: 7d\n");
  EXPECT_EQ(config.cache.tag_ttl_ms,
            (std::map<std::string, std::int64_t>{{"draft", 3'600'000}, {"week", 604'800'000}}));
  EXPECT_TRUE(Parse("cache.tag_ttl:\n").cache.tag_ttl_ms.empty());
  EXPECT_EQ(Parse("cache.ttl: 0\ncache.tag_ttl: {a: 900d}\n").cache.tag_ttl_ms.size(), 1u);
}

TEST_F(ConfigTest, TagsThatLengthenTheTimeToLiveAreRefused) {
  EXPECT_THAT(Refusal("cache.ttl: 1d\ncache.tag_ttl:\n  a: 1h\n  b: 2d\n"),
              HasSubstr(":4: 'cache.tag_ttl.b': 2d is longer than cache.ttl, and the shortest "
                        "counts; make it shorter, or cache.ttl longer"));
  EXPECT_THAT(Refusal("cache.tag_ttl: {a: 0}\n"), HasSubstr("'cache.tag_ttl.a': 0 is longer"));
  EXPECT_THAT(Refusal("cache.tag_ttl: {a: soon}\n"), HasSubstr("found 'soon'"));
  EXPECT_THAT(Refusal("cache.tag_ttl: 5d\n"), HasSubstr("maps tags to durations"));
  EXPECT_THAT(Refusal("cache.tag_ttl: {a: 1h, a: 2h}\n"), HasSubstr("set"));
}

TEST_F(ConfigTest, TenantsTighten) {
  ::setenv("REPRISE_TEST_LIMIT", "0.95", 1);
  const Config config = Parse(
      "tenants:\n  acme: {match: safe, similarity_threshold: \"${REPRISE_TEST_LIMIT}\"}\n"
      "  default: {mode: exact}\n  plain:\ncache: {match: hard, similarity_threshold: 0.8}\n");
  const auto& tenants = config.cache.tenants;
  ASSERT_EQ(tenants.size(), 3u);
  EXPECT_EQ(tenants.at("acme").match_mode, MatchMode::kSafe);
  EXPECT_EQ(tenants.at("acme").similarity_threshold, 0.95);
  EXPECT_FALSE(tenants.at("acme").exact_only);
  EXPECT_TRUE(tenants.at("default").exact_only);
  EXPECT_EQ(tenants.at("plain"), TenantSettings{});
  EXPECT_TRUE(Parse("tenants:\n").cache.tenants.empty());
}

TEST_F(ConfigTest, ATenantThatLoosensIsRefusedWithTheWayOut) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tenants:\n  acme:\n    match: hard\n",
       "c.yaml:3: 'tenants.acme.match': hard is looser than safe (cache.match), and a tenant can "
       "only be stricter; make it stricter, or loosen cache.match and tighten the other tenants"},
      {"tenants: {acme: {similarity_threshold: 0.8}}\ncache: {similarity_threshold: 0.9}\n",
       "c.yaml:1: 'tenants.acme.similarity_threshold': 0.8 is looser than 0.9 "},
      {"tenants: {acme: {mode: semantic}}\ncache: {mode: exact}\n",
       "'tenants.acme.mode': semantic is looser than exact "},
      {"tenants: {acme: {match: on}}\n", "expected one of off hard safe, found 'on'"},
      {"tenants: {acme: {similarity_threshold: 2}}\n", "expected a number from 0 to 1, found '2'"},
      {"tenants: {acme: {mode: [x]}}\n", "expected one of exact semantic, found ''"},
      {"tenants: {acme: {ttl: 3d}}\n", "unknown setting 'tenants.acme.ttl'; a tenant has match"},
      {"tenants: {acme: 3}\n", "'tenants.acme' takes match"},
      {"tenants: [acme]\n", "'tenants' maps names to settings"},
      {"tenant: {}\n", "did you mean 'tenants'?"},
  };
  for (const auto& [yaml, message] : cases) EXPECT_THAT(Refusal(yaml), HasSubstr(message)) << yaml;
}

TEST_F(ConfigTest, FilesAreReadOrRefused) {
  EXPECT_EQ(LoadConfig("/nonexistent/reprise.yaml").error().code, Code::kNotFound);
  EXPECT_EQ(LoadConfig("/").error().code, Code::kNotFound);
  EXPECT_EQ(Fields(LoadConfig("/dev/null").value()), Fields(Config()));
}

TEST(ParseDuration, Table) {
  EXPECT_EQ(*ParseDuration("0"), milliseconds(0));
  EXPECT_EQ(*ParseDuration("1500ms"), milliseconds(1500));
  EXPECT_EQ(*ParseDuration("30s"), milliseconds(30'000));
  EXPECT_EQ(*ParseDuration("5m"), milliseconds(300'000));
  EXPECT_EQ(*ParseDuration("12h"), hours(12));
  EXPECT_EQ(*ParseDuration("30d"), hours(720));
  EXPECT_EQ(*ParseDuration("1.5h"), milliseconds(5'400'000));
  EXPECT_EQ(*ParseDuration("36500d"), hours(24 * 36'500));
  for (const auto text : {"", "5", "s", "ms", "-5s", "+5s", "5 s", " 5s", "5S", "5sec", "5s5",
                          "nand", "infs", "36501d", "99999999999999999999ms", "1e300d", "0x5s"}) {
    const auto duration = ParseDuration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_THAT(duration.error().message, HasSubstr("expected a duration"));
  }
}

TEST(ParseBytes, Table) {
  EXPECT_EQ(*ParseBytes("0"), 0u);
  EXPECT_EQ(*ParseBytes("4096"), 4096u);
  EXPECT_EQ(*ParseBytes("64KB"), 64u << 10);
  EXPECT_EQ(*ParseBytes("256MB"), 256u << 20);
  EXPECT_EQ(*ParseBytes("10GB"), std::size_t{10} << 30);
  EXPECT_EQ(*ParseBytes("1024TB"), std::size_t{1} << 50);
  for (const auto text : {"", "KB", "-1", "+1", "1.5GB", "1 GB", "1gb", "1G", "1B", "1GBMB", "x",
                          "1025TB", "16777216TB", "18446744073709551616"}) {
    const auto bytes = ParseBytes(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_THAT(bytes.error().message, HasSubstr("expected a number of bytes"));
  }
}

// In the example a setting is a line such as "#listen: x"; help has a blank behind the '#'.
std::string Uncommented(const std::string& example) {
  return std::regex_replace(example, std::regex("(^|\n)( *)#(?=[a-z])"), "$1$2");
}

TEST_F(ConfigTest, TheExampleNamesEverySettingAtItsDefault) {
  const std::string example = Source("reprise.example.yaml");
  EXPECT_EQ(Fields(Parse(example)), Fields(Config())) << "as it is";
  EXPECT_EQ(Fields(Parse(Uncommented(example))), Fields(Config())) << "uncommented";
  for (const Setting& setting : Settings()) {
    const auto dot = setting.key.find('.');
    const std::string line =
        dot == std::string::npos ? "\n#" + setting.key : "\n  #" + setting.key.substr(dot + 1);
    EXPECT_THAT(example, HasSubstr(line + ": " + setting.default_text + "\n")) << setting.key;
    if (dot != std::string::npos) {
      EXPECT_THAT(example, HasSubstr("\n" + setting.key.substr(0, dot) + ":\n"));
    }
  }
  EXPECT_THAT(example, HasSubstr("\n  #prices: {}\n"));
  EXPECT_THAT(example, HasSubstr("\n  #tag_ttl: {}\n"));
  for (const char* map : {"tenants", "upstreams", "routes"}) {
    EXPECT_THAT(example, HasSubstr("\n#" + std::string(map) + ": {}\n"));
  }
}

// Each setting is a row of a table: | `key` | `default` | meaning |
TEST_F(ConfigTest, TheReferenceNamesEverySettingWithItsDefault) {
  const std::string reference = Source("docs/configuration.md");
  for (const Setting& setting : Settings()) {
    EXPECT_THAT(reference,
                HasSubstr("\n| `" + setting.key + "` | `" + setting.default_text + "` | "));
  }
  EXPECT_THAT(reference, HasSubstr("\n| `upstream.prices` | `{}` | "));
  EXPECT_THAT(reference, HasSubstr("\n| `cache.tag_ttl` | `{}` | "));
  for (const char* map : {"tenants", "upstreams", "routes"}) {
    EXPECT_THAT(reference, HasSubstr("\n| `" + std::string(map) + "` | `{}` | "));
  }
}

}  // namespace
}  // namespace reprise
