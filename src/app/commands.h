// The subcommands of `reprise`. Each adds itself to the command line and, when chosen, sets what is
// to run; the result is the process's exit code: 0 ok, 1 failed, 2 wrong usage.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "base/result.h"

namespace reprise {

using Command = std::function<int()>;

void AddServe(CLI::App& root, Command& chosen);
void AddDemo(CLI::App& root, Command& chosen);
void AddGenerate(CLI::App& root, Command& chosen);
void AddExplain(CLI::App& root, Command& chosen);
void AddEval(CLI::App& root, Command& chosen);
void AddStats(CLI::App& root, Command& chosen);
void AddFeedback(CLI::App& root, Command& chosen);
void AddPurge(CLI::App& root, Command& chosen);
void AddDoctor(CLI::App& root, Command& chosen);
void AddKeys(CLI::App& root, Command& chosen);
void AddSimulate(CLI::App& root, Command& chosen);

// The options every command that reads the configuration shares.
struct ConfigOptions {
  std::string file;
  std::string listen, data, upstream;

  void Add(CLI::App& command);
  // The file (./reprise.yaml if it is there and none is named) with the command line on top.
  Result<Config> Load() const;
};

// "reprise: MESSAGE" on standard error; gives the exit code.
int Report(const Error& error);

// Waits for SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. Call WatchSignals
// first, before any thread starts. With `on_hangup` SIGHUP calls it instead, and the wait goes on.
void WatchSignals();
void WaitForSignal(const std::function<void()>& on_hangup = {});

// Ignores SIGPIPE (sendfile and sockets raise it) and allows as many open files as the system does.
void PrepareProcess();

}  // namespace reprise
