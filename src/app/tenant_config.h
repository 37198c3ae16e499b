// The `tenants` section of the configuration: what each tenant tightens. Internal to app/config.
#pragma once

#include <map>
#include <string>

#include "app/config_values.h"
#include "cache/settings.h"

namespace reprise {

// Reads the section over `deployment`, which is complete by then: a tenant may only be stricter.
// Values are expanded with `expand`, as everywhere.
std::expected<std::map<std::string, TenantSettings>, ConfigFault> ReadTenants(
    const YAML::Node& node, const CacheSettings& deployment, std::string (*expand)(std::string));

}  // namespace reprise
