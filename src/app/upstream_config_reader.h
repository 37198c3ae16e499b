// Reads the sections `upstreams` and `routes`. Internal to app/config.
#pragma once

#include "app/config_values.h"
#include "app/upstream_config.h"

namespace reprise {

// Replaces ${NAME} by that environment variable.
using ExpandValue = std::string (*)(std::string);

std::expected<UpstreamConfigs, ConfigFault> ReadUpstreams(const YAML::Node& node,
                                                          ExpandValue expand);

// `known`: the names of all upstreams that routes may use.
std::expected<RouteTable, ConfigFault> ReadRoutes(const YAML::Node& node,
                                                  const std::vector<std::string>& known,
                                                  ExpandValue expand);

}  // namespace reprise
