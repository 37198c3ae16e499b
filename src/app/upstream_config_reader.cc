#include "app/upstream_config_reader.h"

#include <algorithm>
#include <array>
#include <functional>

#include "app/config.h"
#include "app/price_config.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using UpstreamRead = std::expected<void, ConfigFault>;

template <class T>
struct Key {
  std::string_view name;
  std::function<Result<void>(std::string_view value, T& into)> read;
};

template <class T, class Field>
auto Into(Field T::*field, std::function<Result<Field>(std::string_view)> parse) {
  return [=](std::string_view value, T& into) -> Result<void> {
    auto parsed = parse(value);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    into.*field = std::move(*parsed);
    return {};
  };
}

template <class T, class Field>
auto Number(Field T::*field, double min, double max) {
  return Into<T, Field>(field, [=](std::string_view value) -> Result<Field> {
    return ParseNumber<double>(value, min, max);
  });
}

template <class T, class Field>
auto Whole(Field T::*field, long long min, long long max) {
  return Into<T, Field>(field, [=](std::string_view value) -> Result<Field> {
    auto number = ParseNumber<long long>(value, min, max);
    if (!number) return std::unexpected(std::move(number.error()));
    return static_cast<Field>(*number);
  });
}

template <class T>
auto Text(std::string T::*field) {
  return Into<T, std::string>(
      field, [](std::string_view value) -> Result<std::string> { return std::string(value); });
}

auto Duration(milliseconds UpstreamConfig::*field, bool zero) {
  return Into<UpstreamConfig, milliseconds>(field,
                                            [=](std::string_view value) -> Result<milliseconds> {
                                              auto parsed = ParseDuration(value);
                                              if (parsed && parsed->count() == 0 && !zero) {
                                                return ExpectedValue("a time longer than 0", value);
                                              }
                                              return parsed;
                                            });
}

template <class T, class Field, std::size_t N>
auto Choice(Field T::*field, std::array<std::pair<std::string_view, Field>, N> words) {
  return Into<T, Field>(field, [=](std::string_view value) -> Result<Field> {
    std::string list = "one of";
    for (const auto& [word, meaning] : words) {
      if (word == value) return meaning;
      list += " " + std::string(word);
    }
    return ExpectedValue(list, value);
  });
}

using Switch = std::array<std::pair<std::string_view, bool>, 2>;
constexpr Switch kYesNo = {{{"false", false}, {"true", true}}};
constexpr Switch kStopNext = {{{"stop", false}, {"next", true}}};

const std::vector<Key<UpstreamConfig>>& UpstreamKeys() {
  using U = UpstreamConfig;
  constexpr std::array kKinds = {UpstreamKind::kOpenAi, UpstreamKind::kChat, UpstreamKind::kRunPod,
                                 UpstreamKind::kPollinations, UpstreamKind::kAutomatic1111};
  std::array<std::pair<std::string_view, UpstreamKind>, kKinds.size()> kinds;
  for (std::size_t i = 0; i < kKinds.size(); ++i) kinds[i] = {ToString(kKinds[i]), kKinds[i]};
  static const std::vector<Key<U>> keys = {
      {"kind", Choice(&U::kind, kinds)},
      {"url", Into<U, std::string>(&U::url, ParseAddress)},
      {"api_key", Text(&U::api_key)},
      {"timeout", Duration(&U::timeout, false)},
      {"attempts", Whole(&U::attempts, 1, 10)},
      {"concurrency", Whole(&U::concurrency, 1, 100'000)},
      {"queue", Whole(&U::queue, 0, 1'000'000)},
      {"hedge_after", Duration(&U::hedge_after, true)},
      {"poll_interval", Duration(&U::poll_interval, false)},
      {"private_links", Choice(&U::private_links, kYesNo)},
      {"breaker_failures", Whole(&U::breaker_failures, 1, 1000)},
      {"breaker_pause", Duration(&U::breaker_pause, false)},
      {"default_price", Number(&U::default_price_usd, 0, 1000)},
  };
  return keys;
}

const std::vector<Key<RouteTarget>>& TargetKeys() {
  using T = RouteTarget;
  static const std::vector<Key<T>> keys = {
      {"upstream", Text(&T::upstream)},
      {"model", Text(&T::model)},
      {"quality", Whole(&T::quality, 1, 10)},
      {"seconds", Number(&T::seconds, 0, 3600)},
      {"on_refusal", Choice(&T::next_on_refusal, kStopNext)},
  };
  return keys;
}

std::string List(const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

std::string Unknown(const std::string& path, std::string_view key,
                    const std::vector<std::string_view>& known) {
  const std::string_view near = NearestName(key, known);
  return "unknown setting '" + path + "." + std::string(key) + "'; " +
         (near.empty() ? "there are " + List(known)
                       : "did you mean '" + path + "." + std::string(near) + "'?");
}

template <class T>
UpstreamRead ReadItem(const YAML::Node& key, const YAML::Node& value, const std::string& path,
                      const std::vector<Key<T>>& keys, ExpandValue expand, T& into) {
  const auto name = key.as<std::string>();
  const auto found = std::ranges::find(keys, name, &Key<T>::name);
  if (found == keys.end()) {
    std::vector<std::string_view> known;
    for (const Key<T>& one : keys) known.push_back(one.name);
    return std::unexpected(ConfigFault{key, Unknown(path, name, known)});
  }
  if (!value.IsScalar()) {
    return std::unexpected(ConfigFault{value, "'" + path + "." + name + "' takes a single value"});
  }
  auto read = found->read(expand(value.as<std::string>()), into);
  if (read) return {};
  return std::unexpected(
      ConfigFault{value, "'" + path + "." + name + "': " + read.error().message});
}

std::expected<UpstreamConfig, ConfigFault> ReadUpstream(const YAML::Node& name,
                                                        const YAML::Node& node,
                                                        ExpandValue expand) {
  UpstreamConfig upstream;
  upstream.name = name.as<std::string>();
  const std::string path = "upstreams." + upstream.name;
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{name, "'" + path + "' takes settings such as kind and url"});
  }
  bool kind = false;
  for (const auto& item : node) {
    const auto key = item.first.as<std::string>();
    kind = kind || key == "kind";
    if (key == "prices") {
      auto prices = ReadPrices(item.second, path + ".prices", expand);
      if (!prices) return std::unexpected(std::move(prices.error()));
      upstream.prices_usd = std::move(*prices);
      continue;
    }
    const UpstreamRead read =
        ReadItem(item.first, item.second, path, UpstreamKeys(), expand, upstream);
    if (!read) return std::unexpected(read.error());
  }
  if (kind) return upstream;
  return std::unexpected(ConfigFault{name, "'" + path +
                                               "' needs a kind: openai, chat, runpod, "
                                               "pollinations or automatic1111"});
}

std::expected<RouteTarget, ConfigFault> ReadTarget(const std::string& path, const YAML::Node& node,
                                                   const std::vector<std::string>& known,
                                                   ExpandValue expand) {
  RouteTarget target;
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{node, "'" + path + "' lists {upstream: NAME, model: ...}"});
  }
  for (const auto& item : node) {
    const UpstreamRead read = ReadItem(item.first, item.second, path, TargetKeys(), expand, target);
    if (!read) return std::unexpected(read.error());
  }
  if (std::ranges::find(known, target.upstream) != known.end()) return target;
  const std::vector<std::string_view> names(known.begin(), known.end());
  return std::unexpected(ConfigFault{node, target.upstream.empty()
                                               ? "'" + path + "': every entry names its upstream"
                                               : "'" + path + "': there is no upstream '" +
                                                     target.upstream + "', only " + List(names)});
}

}  // namespace

std::expected<UpstreamConfigs, ConfigFault> ReadUpstreams(const YAML::Node& node,
                                                          ExpandValue expand) {
  UpstreamConfigs upstreams;
  if (node.IsNull()) return upstreams;  // every line of it is commented out
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{node, "'upstreams' maps names to settings"});
  }
  for (const auto& item : node) {
    auto upstream = ReadUpstream(item.first, item.second, expand);
    if (!upstream) return std::unexpected(std::move(upstream.error()));
    if (std::ranges::find(upstreams, upstream->name, &UpstreamConfig::name) != upstreams.end()) {
      return std::unexpected(
          ConfigFault{item.first, "'upstreams." + upstream->name + "' is set twice"});
    }
    upstreams.push_back(std::move(*upstream));
  }
  return upstreams;
}

std::expected<RouteTable, ConfigFault> ReadRoutes(const YAML::Node& node,
                                                  const std::vector<std::string>& known,
                                                  ExpandValue expand) {
  RouteTable routes;
  if (node.IsNull()) return routes;
  if (!node.IsMap()) {
    return std::unexpected(ConfigFault{node, "'routes' maps model names to lists of upstreams"});
  }
  for (const auto& item : node) {
    const auto model = item.first.as<std::string>();
    const std::string path = "routes." + model;
    if (!item.second.IsSequence() || item.second.size() == 0) {
      return std::unexpected(
          ConfigFault{item.first, "'" + path + "' takes a list of {upstream: NAME, model: ...}"});
    }
    if (routes.contains(model)) {
      return std::unexpected(ConfigFault{item.first, "'" + path + "' is set twice"});
    }
    for (const auto& entry : item.second) {
      auto target = ReadTarget(path, entry, known, expand);
      if (!target) return std::unexpected(std::move(target.error()));
      routes[model].push_back(std::move(*target));
    }
  }
  return routes;
}

}  // namespace reprise
