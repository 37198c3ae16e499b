#include "app/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "app/config_values.h"
#include "app/price_config.h"
#include "app/tenant_config.h"
#include "app/upstream_config_reader.h"

namespace reprise {
namespace {

constexpr std::string_view kPrices = "upstream.prices";
constexpr std::string_view kTagTtl = "cache.tag_ttl";
constexpr std::string_view kTenants = "tenants";
constexpr std::string_view kUpstreams = "upstreams";
constexpr std::string_view kRoutes = "routes";

std::string Suggestion(std::string_view key) {
  std::vector<std::string_view> names;
  for (const Setting& setting : Settings()) {
    const std::string_view known = setting.key;
    names.push_back(known);
    if (const auto dot = known.find('.'); dot != known.npos) names.push_back(known.substr(0, dot));
  }
  names.insert(names.end(), {kPrices, kTagTtl, kTenants, kUpstreams, kRoutes});
  const std::string_view best = NearestName(key, names);
  return best.empty() ? "; docs/configuration.md lists every setting"
                      : "; did you mean '" + std::string(best) + "'?";
}

// ${NAME}; a variable that is not set is an empty text.
std::string Expand(std::string text) {
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at)) {
    const auto end = text.find('}', at);
    if (end == std::string::npos) break;
    const char* value = std::getenv(text.substr(at + 2, end - at - 2).c_str());
    const std::string replacement = value ? value : "";
    text.replace(at, end - at + 1, replacement);
    at += replacement.size();
  }
  return text;
}

class Reader {
 public:
  Reader(std::string name, Config& config) : name_(std::move(name)), config_(config) {}

  Result<void> Read(const YAML::Node& root) {
    if (auto walked = Walk(root, ""); !walked) return walked;
    if (auto read = Tenants(); !read) return read;
    if (auto read = TagTtls(); !read) return read;
    return UpstreamsAndRoutes();
  }

 private:
  Result<void> Walk(const YAML::Node& node, const std::string& prefix) {
    for (const auto& item : node) {
      const auto key = prefix + item.first.as<std::string>();
      if (auto read = Item(key, item.first, item.second); !read) return read;
    }
    return {};
  }

  Result<void> Item(const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (key == kPrices) return Prices(value);
    if (const auto found = maps_.find(key); found != maps_.end()) {
      YAML::Node& later = *found->second;
      if (later.IsDefined()) return At(where, "'" + key + "' is set twice; set it once");
      later.reset(value);
      return {};
    }
    const auto& settings = Settings();
    const auto found = std::find_if(settings.begin(), settings.end(),
                                    [&](const Setting& setting) { return setting.key == key; });
    if (found == settings.end()) {
      const bool section = std::any_of(settings.begin(), settings.end(), [&](const Setting& s) {
        return s.key.starts_with(key + ".");
      });
      if (section && value.IsNull()) return {};
      if (section && value.IsMap()) return Walk(value, key + ".");
      return At(where, "unknown setting '" + key + "'" + Suggestion(key));
    }
    if (!value.IsScalar()) return At(where, "'" + key + "' takes a single value");
    if (!seen_.insert(key).second) return At(where, "'" + key + "' is set twice; set it once");
    auto read = found->read(Expand(value.as<std::string>()), config_);
    if (!read) return At(value, "'" + key + "': " + read.error().message);
    return {};
  }

  Result<void> Tenants() {
    if (!tenants_.IsDefined()) return {};
    auto tenants = ReadTenants(tenants_, config_.cache, Expand);
    if (!tenants) return At(tenants.error().where, tenants.error().message);
    config_.cache.tenants = std::move(*tenants);
    return {};
  }

  Result<void> UpstreamsAndRoutes() {
    if (upstreams_.IsDefined()) {
      auto upstreams = ReadUpstreams(upstreams_, Expand);
      if (!upstreams) return At(upstreams.error().where, upstreams.error().message);
      config_.upstreams = std::move(*upstreams);
    }
    if (!routes_.IsDefined()) return {};
    std::vector<std::string> names;
    for (const UpstreamConfig& upstream : config_.upstreams) names.push_back(upstream.name);
    // What the section `upstream` is called; which of them there is, the command line may decide.
    names.insert(names.end(), {kSectionUpstream, kSimulatorUpstream});
    auto routes = ReadRoutes(routes_, names, Expand);
    if (!routes) return At(routes.error().where, routes.error().message);
    config_.routes = std::move(*routes);
    return {};
  }

  Result<void> Prices(const YAML::Node& node) {
    if (node.IsNull()) return {};  // every line of it is commented out
    auto prices = ReadPrices(node, std::string(kPrices), Expand);
    if (!prices) return At(prices.error().where, prices.error().message);
    config_.prices_usd = std::move(*prices);
    return {};
  }

  Result<void> TagTtls() {
    if (!tag_ttl_.IsDefined() || tag_ttl_.IsNull()) return {};
    if (!tag_ttl_.IsMap()) return At(tag_ttl_, "'cache.tag_ttl' maps tags to durations");
    for (const auto& item : tag_ttl_) {
      const auto tag = item.first.as<std::string>();
      const std::string key = "'cache.tag_ttl." + tag + "': ";
      const std::string text = Expand(item.second.as<std::string>(""));
      const auto ttl = ParseDuration(text);
      if (!ttl) return At(item.second, key + ttl.error().message);
      const std::int64_t limit = config_.cache.ttl_ms;
      if (ttl->count() == 0 || (limit > 0 && ttl->count() > limit)) {
        return At(item.second, key + text +
                                   " is longer than cache.ttl, and the shortest counts; make it "
                                   "shorter, or cache.ttl longer");
      }
      if (!config_.cache.tag_ttl_ms.emplace(tag, ttl->count()).second) {
        return At(item.first, key + "is set twice; set it once");
      }
    }
    return {};
  }

  std::unexpected<Error> At(const YAML::Node& node, const std::string& message) const {
    return Fail(Code::kInvalidArgument,
                name_ + ":" + std::to_string(node.Mark().line + 1) + ": " + message);
  }

  const std::string name_;
  Config& config_;
  std::set<std::string> seen_;
  // Read last, as they are compared with other settings.
  YAML::Node tenants_{YAML::NodeType::Undefined};
  YAML::Node upstreams_{YAML::NodeType::Undefined};
  YAML::Node routes_{YAML::NodeType::Undefined};
  YAML::Node tag_ttl_{YAML::NodeType::Undefined};
  const std::map<std::string_view, YAML::Node*> maps_ = {
      {kTenants, &tenants_}, {kUpstreams, &upstreams_}, {kRoutes, &routes_}, {kTagTtl, &tag_ttl_}};
};

}  // namespace

Result<Config> ParseConfig(const std::string& yaml, const std::string& name) {
  Config config;
  config.upstream_key = Expand("${OPENAI_API_KEY}");
  config.embedder.api_key = Expand("${EMBEDDER_API_KEY}");
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (root.IsNull()) return config;
    if (!root.IsMap()) return Fail(Code::kInvalidArgument, name + ": expected 'key: value' lines");
    if (auto read = Reader(name, config).Read(root); !read) {
      return std::unexpected(read.error());
    }
  } catch (const YAML::Exception& error) {
    return Fail(Code::kInvalidArgument,
                name + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  return config;
}

Result<Config> LoadConfig(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  // A directory can be opened, and reads like an empty file.
  std::error_code ignored;
  if (!stream || std::filesystem::is_directory(file, ignored)) {
    return Fail(Code::kNotFound, "cannot read the configuration file " + file.string());
  }
  // Copying no characters at all counts as a failure: an empty file is a valid configuration.
  if (stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  return ParseConfig(text.str(), file.string());
}

}  // namespace reprise
