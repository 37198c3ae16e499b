#include "app/commands.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "http/server.h"

namespace reprise {
namespace {

constexpr const char* kDefaultFile = "reprise.yaml";

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void ConfigOptions::Add(CLI::App& command) {
  command.add_option("--config", file, "Configuration file (default: reprise.yaml, if there)");
  command.add_option("--listen", listen, "HOST:PORT to serve on (default: 127.0.0.1:8484)");
  command.add_option("--data", data, "Data directory (default: ./data)");
  command.add_option("--upstream", upstream,
                     "Base URL of an OpenAI-compatible API (default: the built-in simulator)");
}

Result<Config> ConfigOptions::Load() const {
  const bool named = !file.empty();
  auto config = named || std::filesystem::exists(kDefaultFile)
                    ? LoadConfig(named ? file : kDefaultFile)
                    : ParseConfig("", "the default configuration");
  if (!config) return config;
  if (!listen.empty()) config->listen = listen;
  if (!data.empty()) config->data = data;
  if (!upstream.empty()) config->upstream_url = upstream;
  if (auto address = http::ParseListen(config->listen); !address) {
    return std::unexpected(address.error());
  }
  if (auto logging = log::Configure(config->log_level, config->log_format); !logging) {
    return std::unexpected(logging.error());
  }
  return config;
}

int Report(const Error& error) {
  std::fprintf(stderr, "reprise: %s\n", error.message.c_str());
  return ExitCode(error);
}

void WatchSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // threads started later inherit it
}

void WaitForSignal(const std::function<void()>& on_hangup) {
  // Also under nohup, which would have it ignored.
  if (on_hangup) std::signal(SIGHUP, SIG_DFL);
  const sigset_t signals = StopSignals();
  int received = 0;
  const auto hung_up = [&] { return received == SIGHUP && on_hangup; };
  for (sigwait(&signals, &received); hung_up(); sigwait(&signals, &received)) on_hangup();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

namespace {

// Replies with images in base64 are megabytes, made and gone thousands of times a second: memory
// that went back to the system each time would come again as page faults, a third of such a reply's
// time. Up to so much is kept instead.
void KeepFreedMemory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

}  // namespace

void PrepareProcess() {
  std::signal(SIGPIPE, SIG_IGN);
  KeepFreedMemory();
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace reprise
