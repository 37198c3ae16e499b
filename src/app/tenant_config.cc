#include "app/tenant_config.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>

namespace reprise {
namespace {

using TenantRead = std::expected<void, ConfigFault>;

constexpr std::array<std::string_view, 3> kMatches = {"off", "hard", "safe"};  // as MatchMode

std::string_view Name(MatchMode mode) {
  return kMatches[static_cast<std::size_t>(mode)];
}

// Reads one tenant's values.
class TenantReader {
 public:
  TenantReader(std::string name, const CacheSettings& deployment)
      : name_(std::move(name)), deployment_(deployment) {}

  TenantRead Value(const YAML::Node& where, const std::string& key, std::string_view value) {
    if (key == "match") return Match(where, value);
    if (key == "similarity_threshold") return Threshold(where, value);
    if (key == "mode") return Mode(where, value);
    if (key == "budget_usd") return BudgetUsd(where, value);
    return std::unexpected(ConfigFault{where, "unknown setting '" + name_ + "." + key +
                                                  "'; a tenant has match, similarity_threshold, "
                                                  "mode and budget_usd"});
  }

  const TenantSettings& settings() const { return settings_; }

 private:
  TenantRead Match(const YAML::Node& where, std::string_view value) {
    for (const MatchMode mode : {MatchMode::kOff, MatchMode::kHard, MatchMode::kSafe}) {
      if (value != Name(mode)) continue;
      if (mode < deployment_.match_mode) {
        return Looser(where, "match", value, Name(deployment_.match_mode));
      }
      settings_.match_mode = mode;
      return {};
    }
    return Expected(where, "match", "one of off hard safe", value);
  }

  TenantRead Threshold(const YAML::Node& where, std::string_view value) {
    double threshold = 0;
    const char* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, threshold);
    if (read.ec != std::errc() || read.ptr != end || !(threshold >= 0 && threshold <= 1)) {
      return Expected(where, "similarity_threshold", "a number from 0 to 1", value);
    }
    if (threshold < deployment_.similarity_threshold) {
      return Looser(where, "similarity_threshold", value,
                    fmt::format("{:g}", deployment_.similarity_threshold));
    }
    settings_.similarity_threshold = threshold;
    return {};
  }

  TenantRead Mode(const YAML::Node& where, std::string_view value) {
    if (value != "exact" && value != "semantic") {
      return Expected(where, "mode", "one of exact semantic", value);
    }
    if (value == "semantic" && !deployment_.semantic) {
      return Looser(where, "mode", value, "exact");
    }
    settings_.exact_only = value == "exact";
    return {};
  }

  TenantRead BudgetUsd(const YAML::Node& where, std::string_view value) {
    const auto usd = ParseNumber<double>(value, 0, 1'000'000);
    if (!usd) {
      return std::unexpected(
          ConfigFault{where, "'" + name_ + ".budget_usd': " + usd.error().message});
    }
    settings_.budget_usd = *usd;
    return {};
  }

  TenantRead Expected(const YAML::Node& where, std::string_view key, std::string_view what,
                      std::string_view value) const {
    return std::unexpected(ConfigFault{where, "'" + name_ + "." + std::string(key) +
                                                  "': expected " + std::string(what) + ", found '" +
                                                  std::string(value) + "'"});
  }

  TenantRead Looser(const YAML::Node& where, std::string_view key, std::string_view value,
                    std::string_view limit) const {
    const std::string setting(key);
    return std::unexpected(ConfigFault{
        where, "'" + name_ + "." + setting + "': " + std::string(value) + " is looser than " +
                   std::string(limit) + " (cache." + setting +
                   "), and a tenant can only be stricter; make it stricter, or loosen cache." +
                   setting + " and tighten the other tenants"});
  }

  const std::string name_;
  const CacheSettings& deployment_;
  TenantSettings settings_;
};

}  // namespace

std::expected<std::map<std::string, TenantSettings>, ConfigFault> ReadTenants(
    const YAML::Node& node, const CacheSettings& deployment, std::string (*expand)(std::string)) {
  std::map<std::string, TenantSettings> tenants;
  if (node.IsNull()) return tenants;  // every line of it is commented out
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{node, "'tenants' maps names to settings"});
  }
  for (const auto& tenant : node) {
    const auto name = tenant.first.as<std::string>();
    TenantReader reader("tenants." + name, deployment);
    if (!tenant.second.IsMap() && !tenant.second.IsNull()) {
      return std::unexpected(ConfigFault{
          tenant.second,
          "'tenants." + name + "' takes match, similarity_threshold, mode and budget_usd"});
    }
    for (const auto& item : tenant.second) {
      auto read = reader.Value(item.second, item.first.as<std::string>(),
                               expand(item.second.as<std::string>("")));
      if (!read) return std::unexpected(std::move(read.error()));
    }
    if (!tenants.emplace(name, reader.settings()).second) {
      return std::unexpected(ConfigFault{tenant.first, "'tenants." + name + "' is set twice"});
    }
  }
  return tenants;
}

}  // namespace reprise
