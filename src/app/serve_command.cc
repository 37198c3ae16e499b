#include <cstdio>

#include "app/commands.h"
#include "app/service.h"
#include "base/log.h"

namespace reprise {
namespace {

void ReloadTls(Service& service) {
  const auto reloaded = service.ReloadTls();
  if (reloaded) {
    log::info("certificate and key were read again");
  } else {
    log::error("{}; the old certificate stays", reloaded.error().message);
  }
}

int Serve(const ConfigOptions& options) {
  WatchSignals();
  auto config = options.Load();
  if (!config) return Report(config.error());
  auto service = Service::Start(*config);
  if (!service) return Report(service.error());
  log::info("reprise {} listens on {}", Version(), (*service)->url());
  if (const auto admin = (*service)->admin_url(); !admin.empty()) {
    log::info("for those who run it: {}", admin);
  }
  if (!(*service)->keys_required()) log::info("no API key is needed: see `reprise keys add`");
  if (config->upstream_url.empty() && config->upstreams.empty()) {
    log::info("no upstream is configured: images come from the built-in simulator");
  }
  if (!config->upstream_url.empty()) log::info("upstream: {}", config->upstream_url);
  for (const UpstreamConfig& upstream : config->upstreams) {
    log::info("upstream {}: {} {}", upstream.name, ToString(upstream.kind), upstream.url);
  }
  if ((*service)->tls()) {
    WaitForSignal([&service] { ReloadTls(**service); });
  } else {
    WaitForSignal();
  }
  log::info("stopping: requests under way get {} s to finish",
            config->drain_timeout.count() / 1000);
  const bool drained = (*service)->Shutdown(config->drain_timeout);
  if (!drained) log::warn("some requests were cut off (setting limits.drain_timeout)");
  return drained ? 0 : 1;
}

}  // namespace

void AddServe(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* command = root.add_subcommand("serve", "Run the gateway");
  options->Add(*command);
  command->callback([options, &chosen] { chosen = [options] { return Serve(*options); }; });
}

}  // namespace reprise
