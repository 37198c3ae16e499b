// JSON that others sent: simdjson reads it, nlohmann holds what is kept.
#pragma once

#include <simdjson.h>

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace reprise {

nlohmann::json ToJson(simdjson::dom::element value);

// Invalid JSON is a discarded value, which is neither object nor array. Megabytes of base64 in a
// string cost what copying them does. Safe for any thread.
nlohmann::json ParseJson(std::string_view text);

}  // namespace reprise
