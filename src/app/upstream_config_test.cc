#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "app/config.h"
#include "app/upstream_factory.h"
#include "base/io_threads.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Config ParseUpstreams(const std::string& yaml) {
  auto config = ParseConfig(yaml, "c.yaml");
  EXPECT_TRUE(config) << yaml << ": " << config.error().message;
  return config.value_or(Config{});
}

std::string UpstreamsRefusal(const std::string& yaml) {
  auto config = ParseConfig(yaml, "c.yaml");
  EXPECT_FALSE(config) << yaml;
  return config ? "" : config.error().message;
}

constexpr char kTwo[] = R"(upstreams:
  gpu:
    kind: automatic1111
    url: http://10.0.0.5:7860/
    timeout: 90s
    attempts: 1
    concurrency: 2
    queue: 10
    hedge_after: 8s
    poll_interval: 1s
    private_links: true
    breaker_failures: 3
    breaker_pause: 10s
    default_price: 0
    prices:
      sdxl: 0.002
      flux: {draft: 0.001, 1024x1024: 0.004, fine 1536x1024: 0.01}
  router: {kind: chat, api_key: k}
routes:
  hero:
    - {upstream: router, model: google/gemini-image, quality: 9, seconds: 12}
    - {upstream: gpu, on_refusal: next}
)";

TEST(UpstreamConfig, EverySettingIsRead) {
  const Config config = ParseUpstreams(kTwo);
  ASSERT_EQ(config.upstreams.size(), 2u);
  const UpstreamConfig gpu{
      .name = "gpu",
      .kind = UpstreamKind::kAutomatic1111,
      .url = "http://10.0.0.5:7860",
      .api_key = "",
      .timeout = milliseconds(90'000),
      .attempts = 1,
      .concurrency = 2,
      .queue = 10,
      .hedge_after = milliseconds(8'000),
      .poll_interval = milliseconds(1'000),
      .private_links = true,
      .breaker_failures = 3,
      .breaker_pause = milliseconds(10'000),
      .prices_usd = {{"sdxl", {{.usd = 0.002}}},
                     {"flux",
                      {{.quality = "draft", .usd = 0.001},
                       {.width = 1024, .height = 1024, .usd = 0.004},
                       {.quality = "fine", .width = 1536, .height = 1024, .usd = 0.01}}}},
      .default_price_usd = 0};
  EXPECT_EQ(config.upstreams[0], gpu);
  EXPECT_EQ(config.upstreams[1].kind, UpstreamKind::kChat);
  EXPECT_EQ(config.upstreams[1].timeout, UpstreamConfig().timeout);
  const RouteTable routes = {
      {"hero",
       {{.upstream = "router", .model = "google/gemini-image", .quality = 9, .seconds = 12},
        {.upstream = "gpu", .model = "", .next_on_refusal = true}}}};
  EXPECT_EQ(config.routes, routes);
}

TEST(UpstreamConfig, MistakesAreNamedWithLineAndWayOut) {
  const std::pair<const char*, const char*> cases[] = {
      {"upstreams:\n  a:\n    kind: openai\n    timeuot: 3s\n",
       "c.yaml:4: unknown setting 'upstreams.a.timeuot'; did you mean 'upstreams.a.timeout'?"},
      {"upstreams: {a: {kind: opnai}}\n",
       "c.yaml:1: 'upstreams.a.kind': expected one of openai chat runpod pollinations "
       "automatic1111, found 'opnai'"},
      {"upstreams: {a: {url: http://x}}\n", "'upstreams.a' needs a kind"},
      {"upstreams: {a: {kind: chat, timeout: 0}}\n", "expected a time longer than 0, found '0'"},
      {"upstreams: {a: {kind: chat, concurrency: 0}}\n", "expected a number from 1 to 100000"},
      {"upstreams: {a: {kind: chat, private_links: 1}}\n", "expected one of false true, found '1'"},
      {"upstreams: {a: {kind: chat, url: ftp://x}}\n", "expected an http:// or https:// address"},
      {"upstreams: {a: {kind: chat, prices: 3}}\n", "'upstreams.a.prices' maps model names"},
      {"upstreams: {a: {kind: chat, prices: {m: -1}}}\n", "expected a number from 0 to 1000"},
      {"upstreams: {a: {kind: [chat]}}\n", "'upstreams.a.kind' takes a single value"},
      {"upstreams: {a: chat}\n", "'upstreams.a' takes settings such as kind and url"},
      {"upstreams: [a]\n", "'upstreams' maps names to settings"},
      {"upstreams: {a: {kind: chat}, a: {kind: chat}}\n", "'upstreams.a' is set twice"},
      {"upstream.queue: 1\nupstreams: {}\nupstreams: {}\n", "'upstreams' is set twice"},
      {"routes:\n  m:\n    - {upstream: nowhere}\n",
       "c.yaml:3: 'routes.m': there is no upstream 'nowhere', only openai, simulator"},
      {"routes: {m: [{model: x}]}\n", "'routes.m': every entry names its upstream"},
      {"routes: {m: []}\n", "'routes.m' takes a list of {upstream: NAME, model: ...}"},
      {"routes: {m: simulator}\n", "'routes.m' takes a list"},
      {"routes: {m: [simulator]}\n", "'routes.m' lists {upstream: NAME, model: ...}"},
      {"routes: {m: [{upstream: simulator, quality: 11}]}\n", "expected a number from 1 to 10"},
      {"routes: {m: [{upstream: simulator, on_refusal: go}]}\n", "expected one of stop next"},
      {"routes: {m: [{upstream: simulator, qualty: 1}]}\n", "did you mean 'routes.m.quality'?"},
      {"route: {}\n", "did you mean 'routes'?"},
      {"tenants: {acme: {budget_usd: much}}\n", "'tenants.acme.budget_usd': expected a number"},
  };
  for (const auto& [yaml, message] : cases)
    EXPECT_THAT(UpstreamsRefusal(yaml), HasSubstr(message)) << yaml;
}

// Which upstream takes the models that no route names; "" for none.
std::string Rest(const Config& config) {
  const RouteTable routes = RoutesOf(config);
  const auto rest = routes.find(kAnyModel);
  return rest == routes.end() ? "" : rest->second.front().upstream;
}

TEST(UpstreamConfig, OtherModelsGoToTheSectionOrTheOnlyUpstream) {
  EXPECT_EQ(Rest(ParseUpstreams("")), "simulator");
  EXPECT_EQ(Rest(ParseUpstreams("upstream.url: http://u/v1\n")), "openai");
  EXPECT_EQ(Rest(ParseUpstreams(std::string("upstream.url: http://u/v1\n") + kTwo)), "openai");
  EXPECT_EQ(Rest(ParseUpstreams("upstreams: {a: {kind: chat}}\n")), "a");
  EXPECT_EQ(Rest(ParseUpstreams(kTwo)), "") << "nobody said which of the two";
  EXPECT_EQ(Rest(ParseUpstreams(
                "upstreams: {a: {kind: chat}}\nroutes: {\"*\": [{upstream: simulator}]}\n")),
            "simulator");
}

TEST(UpstreamConfig, TheSimulatorRunsWhereItIsAskedFor) {
  EXPECT_TRUE(NeedsSimulator(ParseUpstreams("")));
  EXPECT_FALSE(NeedsSimulator(ParseUpstreams("upstream.url: http://u/v1\n")));
  EXPECT_FALSE(NeedsSimulator(ParseUpstreams("upstreams: {a: {kind: chat}}\n")));
  EXPECT_TRUE(NeedsSimulator(
      ParseUpstreams("upstreams: {a: {kind: chat}}\nroutes: {m: [{upstream: simulator}]}\n")));
}

TEST(UpstreamConfig, BudgetsAreRead) {
  const Config config = ParseUpstreams("budget_usd: 3\ntenants: {acme: {budget_usd: 20}, b: {}}\n");
  EXPECT_EQ(config.budget_usd, 3);
  EXPECT_EQ(config.cache.tenants.at("acme").budget_usd, 20);
  EXPECT_FALSE(config.cache.tenants.at("b").budget_usd);
}

// What the pages show works when pasted.
TEST(UpstreamConfig, TheDocumentedConfigurationsAreValid) {
  for (const auto& [name, expected] : {std::pair("routes.md", 4), std::pair("upstreams.md", 6)}) {
    std::ifstream stream(std::string(REPRISE_SOURCE_DIR "/docs/") + name);
    std::ostringstream read;
    read << stream.rdbuf();
    const std::string page = read.str();
    constexpr std::string_view kStart = "```yaml\n", kEnd = "```";
    int found = 0;
    for (auto at = page.find(kStart); at != std::string::npos; at = page.find(kStart, at)) {
      at += kStart.size();
      const Config config = ParseUpstreams(page.substr(at, page.find(kEnd, at) - at));
      IoThreads io(1);
      WorkerPool workers(1, 1);
      http::Client client;
      SystemClock clock;
      const auto made = MakeUpstreams(config, "http://127.0.0.1:1/v1", {client, workers, clock},
                                      {workers, clock});
      EXPECT_TRUE(made) << name << ": " << made.error().message;
      ++found;
    }
    EXPECT_EQ(found, expected) << name;
  }
}

}  // namespace
}  // namespace reprise
