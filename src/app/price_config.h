// Tables of prices in the configuration: upstream.prices and upstreams.NAME.prices.
#pragma once

#include <yaml-cpp/yaml.h>

#include <expected>
#include <string>

#include "app/config.h"
#include "app/upstream_config_reader.h"
#include "upstream/price.h"

namespace reprise {

// A map of models to US dollars per image, or to a map of "QUALITY", "WIDTHxHEIGHT" or "QUALITY
// WIDTHxHEIGHT" to US dollars. `path` names the setting in messages.
std::expected<ModelPrices, ConfigFault> ReadPrices(const YAML::Node& node, const std::string& path,
                                                   ExpandValue expand);

}  // namespace reprise
