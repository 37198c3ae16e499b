// JSON that others sent: simdjson reads it, nlohmann holds what is kept.
#pragma once

#include <simdjson.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace reprise {

nlohmann::json ToJson(simdjson::dom::element value);

// Invalid JSON is a discarded value, which is neither object nor array. Megabytes of base64 in a
// string cost what copying them does. Safe for any thread.
nlohmann::json ParseJson(std::string_view text);

// As text; bytes that are not UTF-8, which prompts and an upstream's words may hold, become U+FFFD.
// `indent` -1: on one line.
std::string DumpJson(const nlohmann::json& value, int indent = -1);

}  // namespace reprise
