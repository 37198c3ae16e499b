#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <random>

#include "app/commands.h"
#include "app/demo_script.h"
#include "app/gateway_client.h"
#include "app/service.h"
#include "base/log.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr int kBurstSize = 6;

struct DemoOptions {
  std::string listen = "127.0.0.1:8484";
  std::string latency = "600ms";
  bool once = false;
};

// A directory that is gone with the demo.
class DemoDirectory {
 public:
  DemoDirectory()
      : path_(std::filesystem::temp_directory_path() /
              ("reprise-demo-" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path_);
  }
  ~DemoDirectory() {
    std::error_code ignored;  // nothing depends on it any more
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

struct Observed {
  std::string result;  // "HIT SEMANTIC", "MISS"
  std::string similarity, reason;
  double millis = 0;
  bool ok = false;
};

const char* NameOf(DemoKind kind) {
  switch (kind) {
    case DemoKind::kNew:
      return "new";
    case DemoKind::kRepeat:
      return "repeat";
    case DemoKind::kRephrased:
      return "rephrased";
    case DemoKind::kNearMiss:
      return "near miss";
    case DemoKind::kBurst:
      return "burst";
  }
  return "";
}

class Demo {
 public:
  Demo(std::string url, bool colours) : gateway_(std::move(url)), colours_(colours) {}

  // False when a near miss was answered from the cache, or a request failed.
  bool Play() {
    fmt::print("{:<10} {:<13} {:>5} {:>9}  {:<52} {}\n", "asked as", "result", "sim.", "time",
               "prompt", "why");
    for (const DemoStep& step : DemoScript()) {
      if (step.kind == DemoKind::kBurst) {
        PlayBurst(step);
      } else {
        Show(step, Ask(step));
      }
    }
    return good_;
  }

  void Summarise() {
    const auto response = gateway_.Get("/v1/stats");
    const json stats = response ? json::parse(response->body, nullptr, false) : json();
    if (!stats.is_object()) {
      good_ = false;
      return;
    }
    const json& requests = stats["requests"];
    fmt::print("\n{} requests, {:.0f} % answered without the upstream\n",
               requests["total"].get<int>(), stats["hit_rate"].get<double>() * 100);
    fmt::print("{:<22}{:>9}{:>12}{:>12}\n", "", "requests", "p50 ms", "p99 ms");
    for (const auto& [name, kind] : {std::pair{"exact hit", "exact"},
                                     {"semantic hit", "semantic"},
                                     {"joined in flight", "inflight"},
                                     {"miss, generated", "miss"}}) {
      const json& latency = stats["latency_ms"][kind];
      fmt::print("{:<22}{:>9}{:>12.2f}{:>12.2f}\n", name, requests[kind].get<int>(),
                 latency["p50"].get<double>(), latency["p99"].get<double>());
    }
    fmt::print(
        "\nupstream calls: {}, spent ${:.3f}; saved ${:.3f} that {} more images would cost\n",
        stats["upstream"]["calls"].get<int>(), stats["spent_usd"].get<double>(),
        stats["saved_usd"].get<double>(),
        requests["total"].get<int>() - stats["upstream"]["images"].get<int>());
    fmt::print("near misses answered from the cache: {} of {}\n", wrong_, near_misses_);
  }

 private:
  Observed Ask(const DemoStep& step) {
    const json body = {{"prompt", step.prompt}, {"size", step.size}, {"response_format", "url"}};
    const auto start = std::chrono::steady_clock::now();
    const auto response = gateway_.PostJson("/v1/images/generations", body);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    Observed observed{.millis = took.count()};
    if (!response || response->status != 200) {
      observed.result = "FAILED";
      observed.reason = response ? ErrorMessage(*response) : response.error().message;
      return observed;
    }
    const auto header = [&](const char* name) {
      return std::string(response->Header(name).value_or(""));
    };
    observed.ok = true;
    observed.result = header("x-cache") + " " + header("x-cache-type");
    observed.similarity = header("x-reprise-similarity").substr(0, 4);
    observed.reason = header("x-reprise-reason");
    return observed;
  }

  void PlayBurst(const DemoStep& step) {
    std::vector<std::future<Observed>> asked;
    for (int i = 0; i < kBurstSize; ++i) {
      asked.push_back(std::async(std::launch::async, [this, &step] { return Ask(step); }));
    }
    for (auto& observed : asked) Show(step, observed.get());
  }

  void Show(const DemoStep& step, const Observed& observed) {
    const bool hit = observed.result.starts_with("HIT");
    const bool wrong = !observed.ok || (hit && step.kind == DemoKind::kNearMiss);
    if (step.kind == DemoKind::kNearMiss) {
      ++near_misses_;
      wrong_ += hit;
    }
    good_ = good_ && !wrong;
    std::string prompt = step.prompt;
    if (std::string_view(step.size) != "1024x1024") prompt += std::string(" (") + step.size + ")";
    const char* colour = wrong ? "\x1b[31m" : hit ? "\x1b[32m" : "\x1b[33m";
    fmt::print("{:<10} {}{:<13}{} {:>5} {:>6.1f} ms  {:<52} {}{}\n", NameOf(step.kind),
               colours_ ? colour : "", observed.result, colours_ ? "\x1b[0m" : "",
               observed.similarity, observed.millis, prompt, observed.reason,
               wrong ? "   <-- WRONG" : "");
    std::fflush(stdout);
  }

  GatewayClient gateway_;
  const bool colours_;
  bool good_ = true;
  int near_misses_ = 0, wrong_ = 0;
};

Result<std::unique_ptr<Service>> StartGateway(const DemoOptions& options,
                                              const DemoDirectory& scratch) {
  auto latency = ParseDuration(options.latency);
  if (!latency) return std::unexpected(latency.error());
  Config config;
  config.listen = options.listen;
  config.data = scratch.path();
  config.simulator_latency = *latency;
  config.cache.similarity_threshold = CacheSettings().similarity_threshold;
  auto service = Service::Start(config);
  if (service) return service;
  config.listen = "127.0.0.1:0";  // the usual port is taken
  return Service::Start(config);
}

void ShowWhatToTry(const std::string& url) {
  fmt::print(R"(
The gateway keeps serving on {0} until Ctrl-C. Try:

  curl -i {0}/v1/images/generations -H 'Content-Type: application/json' \
    -d '{{"prompt": "a red fox in the snow", "response_format": "url"}}'

  import OpenAI from "openai";
  const client = new OpenAI({{ baseURL: "{0}/v1", apiKey: "any" }});
  const reply = await client.images.generate({{ model: "gpt-image-1", prompt: "a red fox in snow" }});
)",
             url);
  std::fflush(stdout);
}

int RunDemo(const DemoOptions& options) {
  WatchSignals();
  if (auto logging = log::Configure("warning", "text"); !logging) return Report(logging.error());
  const DemoDirectory scratch;
  auto service = StartGateway(options, scratch);
  if (!service) return Report(service.error());
  const std::string url = (*service)->url();
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  fmt::print("Reprise {} on {}, in front of a simulated image API that takes {}\n\n", Version(),
             url, options.latency);
  bool good = false;
  {
    Demo demo(url, terminal);
    good = demo.Play();
    demo.Summarise();
  }
  if (terminal && !options.once) {
    ShowWhatToTry(url);
    WaitForSignal();
  }
  (*service)->Shutdown(std::chrono::seconds(5));
  return good ? 0 : 1;
}

}  // namespace

void AddDemo(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = root.add_subcommand(
      "demo", "Play a few dozen prompts through a gateway and show what it does with each");
  command->add_option("--listen", options->listen, "HOST:PORT to serve on; any port if it is taken")
      ->capture_default_str();
  command->add_option("--latency", options->latency, "Time the simulated API takes for an image")
      ->capture_default_str();
  command->add_flag("--once", options->once, "Exit after the summary, also on a terminal");
  command->callback([options, &chosen] { chosen = [options] { return RunDemo(*options); }; });
}

}  // namespace reprise
