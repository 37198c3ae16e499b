#include "app/commands.h"
#include "app/simulator.h"
#include "base/log.h"

namespace reprise {
namespace {

struct SimulateOptions {
  std::string listen = "127.0.0.1:8485";
  std::string latency = "2s";
  double error_rate = 0;
};

int Simulate(const SimulateOptions& options) {
  WatchSignals();
  auto address = http::ParseListen(options.listen);
  if (!address) return Report(address.error());
  auto latency = ParseDuration(options.latency);
  if (!latency)
    return Report(Error{Code::kInvalidArgument, "--latency: " + latency.error().message});
  if (auto images = InitImages(); !images) return Report(images.error());
  if (auto logging = log::Configure("info", "text"); !logging) return Report(logging.error());
  IoThreads io(0);
  IoLoops loops(0);
  auto workers =
      std::make_unique<WorkerPool>(std::max(1u, std::thread::hardware_concurrency()), 10'000);
  auto simulator = std::make_unique<Simulator>(loops, io.context(), *workers,
                                               SimulatorOptions{.host = address->first,
                                                                .port = address->second,
                                                                .latency = *latency,
                                                                .error_rate = options.error_rate});
  if (auto started = simulator->Start(); !started) return Report(started.error());
  log::info("simulated image API on {}, latency {} ms, error rate {}", simulator->base_url(),
            latency->count(), options.error_rate);
  WaitForSignal();
  const bool drained = simulator->Drain(std::chrono::seconds(5));
  workers->Join();
  StopAll(io, loops);
  workers.reset();
  return drained ? 0 : 1;
}

}  // namespace

void AddSimulate(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* command = root.add_subcommand(
      "simulate", "Run simulated image APIs: OpenAI, chat, RunPod, Pollinations, Automatic1111");
  command->add_option("--listen", options->listen, "HOST:PORT to serve on")->capture_default_str();
  command->add_option("--latency", options->latency, "Time an image takes, e.g. 500ms")
      ->capture_default_str();
  command->add_option("--error-rate", options->error_rate, "Share of image calls that fail")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->callback([options, &chosen] { chosen = [options] { return Simulate(*options); }; });
}

}  // namespace reprise
