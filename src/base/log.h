// Logging: one process-wide logger to standard error, as text or as JSON lines. Safe for any
// thread. Secrets, prompts' senders and client addresses never go into a log line.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

#include "base/result.h"

namespace reprise::log {

// `level` is trace, debug, info, warning, error or off; `format` is text or json.
Result<void> Configure(std::string_view level, std::string_view format);

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

}  // namespace reprise::log
