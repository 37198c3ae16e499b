#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "base/clock.h"
#include "base/json.h"
#include "gateway/access.h"
#include "store/key_store.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxName = 100;  // bytes

struct KeysOptions {
  ConfigOptions config;
  std::string name;
  std::string tenant = "default";
  std::string scopes = "generate,read";
  std::int64_t requests_per_minute = 0, concurrent = 0;
  std::int64_t id = 0;
  bool as_json = false;
};

// The keys are in the data folder, which whoever may write there owns: no gateway has to run, and
// one that does sees the change by itself.
Result<std::unique_ptr<KeyStore>> OpenKeys(const KeysOptions& options) {
  auto config = options.config.Load();
  if (!config) return std::unexpected(config.error());
  return OpenSqliteKeyStore(DatabaseOf(*config));
}

std::string Time(std::int64_t ms) {
  if (ms == 0) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

json SecondsOrNull(std::int64_t ms) {
  return ms == 0 ? json() : json(ms / 1000);
}

json ToJson(const StoredKey& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"tenant", key.tenant},
          {"scopes", ToString(key.scopes)},
          {"requests_per_minute", key.requests_per_minute},
          {"concurrent", key.concurrent},
          {"created", key.created_ms / 1000},
          {"last_used", SecondsOrNull(key.last_used_ms)},
          {"revoked", SecondsOrNull(key.revoked_ms)}};
}

Result<void> CheckName(const char* what, const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool bad = std::any_of(name.begin(), name.end(), is_control);
  if (!name.empty() && name.size() <= kMaxName && !bad) return {};
  return Fail(Code::kInvalidArgument,
              std::string(what) + " must be a line of 1 to " + std::to_string(kMaxName) + " bytes");
}

Result<StoredKey> Describe(const KeysOptions& options) {
  if (auto named = CheckName("the name", options.name); !named) {
    return std::unexpected(named.error());
  }
  if (auto named = CheckName("the tenant", options.tenant); !named) {
    return std::unexpected(named.error());
  }
  const auto scopes = ParseScopes(options.scopes);
  if (!scopes) return std::unexpected(scopes.error());
  return StoredKey{.name = options.name,
                   .tenant = options.tenant,
                   .scopes = *scopes,
                   .requests_per_minute = options.requests_per_minute,
                   .concurrent = options.concurrent,
                   .created_ms = SystemClock().NowMs()};
}

int Add(const KeysOptions& options) {
  auto stored = Describe(options);
  if (!stored) return Report(stored.error());
  auto store = OpenKeys(options);
  if (!store) return Report(store.error());
  const auto key = NewApiKey();
  if (!key) return Report(key.error());
  stored->hash = Sha256(*key);
  const auto id = (*store)->Add(*stored);
  if (!id) return Report(id.error());
  stored->id = *id;
  if (options.as_json) {
    json shown = ToJson(*stored);
    shown["key"] = *key;
    std::puts(DumpJson(shown, 2).c_str());
    return 0;
  }
  fmt::print(stderr,
             "key {} of tenant {}, for {}; it is shown this once and stored as a hash only:\n", *id,
             stored->tenant, ToString(stored->scopes));
  std::puts(key->c_str());  // alone on standard output, for scripts
  return 0;
}

int List(const KeysOptions& options) {
  auto store = OpenKeys(options);
  if (!store) return Report(store.error());
  const auto keys = (*store)->All();
  if (!keys) return Report(keys.error());
  if (options.as_json) {
    json list = json::array();
    for (const StoredKey& key : *keys) list.push_back(ToJson(key));
    std::puts(DumpJson({{"data", std::move(list)}}, 2).c_str());
    return 0;
  }
  fmt::print("{:>4}  {:<20} {:<16} {:<20} {:>8} {:>6}  {:<16}  {:<16}  {}\n", "id", "name",
             "tenant", "scopes", "a minute", "at once", "created", "last used", "revoked");
  const auto bound = [](std::int64_t n) { return n == 0 ? std::string("-") : std::to_string(n); };
  for (const StoredKey& key : *keys) {
    fmt::print("{:>4}  {:<20} {:<16} {:<20} {:>8} {:>7}  {:<16}  {:<16}  {}\n", key.id, key.name,
               key.tenant, ToString(key.scopes), bound(key.requests_per_minute),
               bound(key.concurrent), Time(key.created_ms), Time(key.last_used_ms),
               Time(key.revoked_ms));
  }
  return 0;
}

int Revoke(const KeysOptions& options) {
  auto store = OpenKeys(options);
  if (!store) return Report(store.error());
  const auto revoked = (*store)->Revoke(options.id, SystemClock().NowMs());
  if (!revoked) return Report(revoked.error());
  if (!*revoked) {
    return Report({.code = Code::kNotFound,
                   .message = "there is no key " + std::to_string(options.id) +
                              " that is valid; `reprise keys list` shows all"});
  }
  if (options.as_json) {
    std::puts(json{{"id", options.id}, {"revoked", true}}.dump().c_str());
  } else {
    fmt::print("key {} is revoked; a running gateway refuses it within a second\n", options.id);
  }
  return 0;
}

// What the three have in common.
CLI::App* AddOne(CLI::App& keys, const char* name, const char* help,
                 const std::shared_ptr<KeysOptions>& options, int (*run)(const KeysOptions&),
                 Command& chosen) {
  CLI::App* command = keys.add_subcommand(name, help);
  command->add_option("--config", options->config.file, "Configuration file");
  command->add_option("--data", options->config.data, "Data directory (default: ./data)");
  command->add_flag("--json", options->as_json, "As JSON");
  command->callback([options, run, &chosen] { chosen = [=] { return run(*options); }; });
  return command;
}

}  // namespace

void AddKeys(CLI::App& root, Command& chosen) {
  const auto options = std::make_shared<KeysOptions>();
  CLI::App* keys = root.add_subcommand(
      "keys",
      "API keys of the gateway over a data directory: who may use it, for which tenant, and how "
      "much. A running gateway sees a change within a second");
  keys->require_subcommand(1);
  CLI::App* add = AddOne(*keys, "add", "Make a key and print it, once", options, Add, chosen);
  add->add_option("name", options->name, "What you call it")->required();
  add->add_option("--tenant", options->tenant, "Whose key it is; tenants share nothing")
      ->capture_default_str();
  add->add_option("--scopes", options->scopes,
                  "What it may do: some of generate, read, admin, separated by commas")
      ->capture_default_str();
  add->add_option("--requests-per-minute", options->requests_per_minute, "0: no bound")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  add->add_option("--concurrent", options->concurrent, "Requests under way at once; 0: no bound")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  AddOne(*keys, "list", "List the keys, without the keys themselves", options, List, chosen);
  CLI::App* revoke =
      AddOne(*keys, "revoke", "Refuse a key from now on, for good", options, Revoke, chosen);
  revoke->add_option("id", options->id, "Its number in the list")->required();
}

}  // namespace reprise
