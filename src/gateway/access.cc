#include "gateway/access.h"

#include <openssl/rand.h>

#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "cache/request.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

constexpr std::size_t kKeyBytes = 24;
constexpr std::string_view kBearer = "Bearer ";
// More than threads that look keys up at once: one that finds no slot would wait for another.
constexpr std::size_t kReaders = 128;
// Last uses are kept to the second, so that a busy key's cache line is seldom written.
constexpr std::int64_t kUseStepMs = 1000;
// Advice when a key has too many requests under way: an exact hit's place is free at once, an
// image's in some seconds.
constexpr long long kBusyRetryMs = 1000;

// Who asks while no key is needed, where that does not make an admin.
std::shared_ptr<const http::Caller> Anybody() {
  static const auto anybody = std::make_shared<const http::Caller>(ImageRequest{}.tenant, false);
  return anybody;
}

// As OpenAI's SDKs send it, or as most others do. Never from the URL: those are logged and shared.
std::string_view KeyOf(const http::Request& request) {
  std::string_view value = request.Header("Authorization");
  if (value.size() > kBearer.size() &&
      http::EqualsIgnoreCase(value.substr(0, kBearer.size()), kBearer)) {
    value.remove_prefix(kBearer.size());
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return request.Header("X-Api-Key");
}

Error Unauthorized(std::string message) {
  return {.code = Code::kUnauthorized, .message = std::move(message), .upstream = kInvalidApiKey};
}

// No part of what was sent is repeated: it may be a key of somewhere else.
Error NoKey(Need need) {
  return Unauthorized(
      need == Need::kImage
          ? "this link is not signed: ask for the image again to get one that is, "
            "or send an API key as Authorization: Bearer rpk_..."
          : "an API key of this gateway is needed; send it as Authorization: Bearer "
            "rpk_... or X-Api-Key (`reprise keys add` makes one)");
}

Error UnknownKey() {
  return Unauthorized(
      "the API key is unknown or revoked; `reprise keys list` shows which there are. It has to be "
      "one of this gateway (rpk_...), not one of the API behind it");
}

Scope ScopeFor(Need need) {
  if (need == Need::kGenerate) return Scope::kGenerate;
  return need == Need::kAdmin ? Scope::kAdmin : Scope::kRead;
}

Error MissingScope(const StoredKey& key, Scope scope) {
  return {.code = Code::kForbidden,
          .message = "the API key '" + key.name + "' has the scopes " + ToString(key.scopes) +
                     "; this takes " + ToString(static_cast<Scopes>(scope)),
          .upstream = kMissingScope};
}

Error TooOften(const StoredKey& key, const RateLimit::Verdict& verdict) {
  return {.code = Code::kRateLimited,
          .message = "the API key '" + key.name + "' may send " +
                     std::to_string(key.requests_per_minute) + " requests a minute; try again in " +
                     std::to_string((verdict.retry_after_ms + 999) / 1000) + " s",
          .upstream = "rate_limit_exceeded",
          .retry_after_ms = verdict.retry_after_ms};
}

Error TooMany(const StoredKey& key) {
  return {.code = Code::kRateLimited,
          .message = "the API key '" + key.name + "' may have " + std::to_string(key.concurrent) +
                     " requests under way at once; try again when one of them has ended",
          .upstream = "concurrency_limit_exceeded",
          .retry_after_ms = kBusyRetryMs};
}

std::string_view WithoutPort(std::string_view host) {
  const bool v6 = host.starts_with('[');
  return host.substr(0, v6 ? host.find(']') + 1 : host.find(':'));
}

// Whether a browser sends it for a page that is not of this machine: any page may have a browser
// send requests to the machine it runs on, and where no key is needed, that is all it takes.
bool IsForeignPage(const http::Request& request) {
  std::string_view origin = request.Header("Origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return true;  // "null"
  origin.remove_prefix(scheme + 3);
  const std::string_view host = WithoutPort(origin);
  return host != "localhost" && host != "127.0.0.1" && host != "[::1]";
}

// Whether the request was sent to a name that anybody may have: a page whose own name its owner has
// pointed to this machine is of the same origin as what it finds there, and reads it (DNS
// rebinding). Names of a network of one's own have no dot, and an address cannot be rebound.
bool IsForeignName(const http::Request& request) {
  std::string_view host = WithoutPort(request.Header("Host"));
  if (host.ends_with('.')) host.remove_suffix(1);  // the root of all names: the same name
  if (host.starts_with('[') || host.find('.') == std::string_view::npos) return false;
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !http::EqualsIgnoreCase(last, "localhost") &&
         (last.empty() || last.find_first_not_of("0123456789") != std::string_view::npos);
}

void SetRateHeaders(const RateLimit& rate, const RateLimit::Verdict& verdict,
                    http::Response& response) {
  response.Set("RateLimit-Limit", std::to_string(rate.per_minute()));
  response.Set("RateLimit-Remaining", std::to_string(verdict.remaining));
  response.Set("RateLimit-Reset", std::to_string(verdict.reset_s));
}

}  // namespace

Result<std::string> NewApiKey() {
  std::array<unsigned char, kKeyBytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return Fail(Code::kInternal, "the system gives no random bytes; try again");
  }
  return std::string(kApiKeyPrefix) +
         HexEncode({reinterpret_cast<const char*>(random.data()), random.size()});
}

Access::Key::Key(StoredKey key)
    : stored(std::move(key)),
      rate(stored.requests_per_minute > 0 ? std::make_unique<RateLimit>(stored.requests_per_minute)
                                          : nullptr),
      last_used_ms(stored.last_used_ms),
      noted_ms(stored.last_used_ms) {}

// A caller that holds a place among those its key may have under way.
class Access::Guest final : public http::Caller {
 public:
  Guest(KeyPtr key, bool admin)
      : Caller{.tenant = key->stored.tenant, .admin = admin}, key_(std::move(key)) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() {
    if (key_->stored.concurrent > 0) key_->under_way.fetch_sub(1);
  }

 private:
  const KeyPtr key_;
};

Result<std::unique_ptr<Access>> Access::Open(std::unique_ptr<KeyStore> store,
                                             AccessSettings settings, const Clock& clock) {
  std::string secret = settings.link_secret;
  if (secret.empty()) {
    auto kept = store->Secret("links");
    if (!kept) return std::unexpected(kept.error());
    secret = std::move(*kept);
  }
  std::unique_ptr<Access> access(
      new Access(std::move(store), std::move(settings), std::move(secret), clock));
  if (auto read = access->Refresh(); !read) return std::unexpected(read.error());
  return access;
}

Access::Access(std::unique_ptr<KeyStore> store, AccessSettings settings, std::string link_secret,
               const Clock& clock)
    : store_(std::move(store)),
      settings_(std::move(settings)),
      signer_(std::move(link_secret), settings_.link_expiry),
      clock_(clock),
      required_(settings_.mode == AccessSettings::Mode::kRequired),
      table_(kReaders, std::make_unique<const KeyTable>()) {}

http::Router Access::Guard(const http::Router& routes, Door door) {
  http::Router guarded;
  for (const http::Router::Route& route : routes.routes()) {
    const RouteRule rule = RuleOf(route.method, route.pattern);
    if (door == Door::kPublic && rule.need == Need::kAdmin) continue;
    const auto behind =
        std::make_shared<const GuardedRoute>(GuardedRoute{rule, door, route.handler});
    guarded.Add(route.method, route.pattern, [this, behind](http::RequestPtr request) {
      const bool open = behind->rule.need == Need::kImage ? !links_signed() : !required();
      if (!open && behind->rule.need != Need::kNothing) return Admit(behind, std::move(request));
      if (auto refusal = Objection(*behind, *request)) return Refuse(behind, std::move(*refusal));
      // Where admins have a port of their own, nobody is one here, also while no key is needed.
      if (behind->door == Door::kPublic && behind->rule.need == Need::kRead) {
        request->caller = Anybody();
      }
      return behind->handler(std::move(request));
    });
  }
  return guarded;
}

Task<http::Response> Access::Admit(std::shared_ptr<const GuardedRoute> route,
                                   http::RequestPtr request) {
  KeyPtr key;
  RateLimit::Verdict verdict;
  const auto refusal = Check(*route, *request, key, verdict);
  http::Response response;
  if (refusal) {
    response = route->rule.error(*refusal);
    if (refusal->code == Code::kUnauthorized) response.Set("WWW-Authenticate", "Bearer");
  } else {
    response = co_await route->handler(std::move(request));
  }
  if (key && key->rate) SetRateHeaders(*key->rate, verdict, response);
  co_return response;
}

std::optional<Error> Access::Objection(const GuardedRoute& route,
                                       const http::Request& request) const {
  const Need need = route.rule.need;
  if (need == Need::kAdmin && IsForeignPage(request)) {
    return Error{.code = Code::kForbidden,
                 .message =
                     "pages of other machines may not do this while no API key is needed; add one "
                     "with `reprise keys add`",
                 .param = "Origin",
                 .upstream = kMissingScope};
  }
  const bool private_data = need == Need::kAdmin || need == Need::kRead;
  if (private_data && settings_.mode == AccessSettings::Mode::kAuto && IsForeignName(request)) {
    return Error{.code = Code::kForbidden,
                 .message =
                     "while no API key is needed, this is answered under localhost or an address "
                     "only; add a key with `reprise keys add`, or set auth: off where everybody "
                     "may see it",
                 .param = "Host",
                 .upstream = kMissingScope};
  }
  return std::nullopt;
}

Task<http::Response> Access::Refuse(std::shared_ptr<const GuardedRoute> route, Error error) {
  co_return route->rule.error(error);
}

std::optional<Error> Access::Check(const GuardedRoute& route, const http::Request& request,
                                   KeyPtr& key, RateLimit::Verdict& verdict) {
  const RouteRule& rule = route.rule;
  if (rule.need == Need::kImage && LinkSigner::IsSigned(request.query)) {
    const auto valid = signer_.Check(request.params.at(0), request.query, clock_.NowMs());
    if (!valid) return valid.error();
    return std::nullopt;
  }
  const std::string_view given = KeyOf(request);
  if (given.empty()) return NoKey(rule.need);
  key = Find(given);
  if (!key) return UnknownKey();
  const std::int64_t now_ms = clock_.NowMs();
  if (now_ms - key->last_used_ms.load(std::memory_order_relaxed) >= kUseStepMs) {
    key->last_used_ms.store(now_ms, std::memory_order_relaxed);
  }
  if (key->rate) verdict = key->rate->Take(now_ms);
  if (!verdict.allowed) return TooOften(key->stored, verdict);
  const Scope scope = ScopeFor(rule.need);
  if (!Includes(key->stored.scopes, scope)) return MissingScope(key->stored, scope);
  const std::int64_t places = key->stored.concurrent;
  if (places > 0 && key->under_way.fetch_add(1) >= places) {
    key->under_way.fetch_sub(1);
    return TooMany(key->stored);
  }
  const bool admin = route.door == Door::kEverything && Includes(key->stored.scopes, Scope::kAdmin);
  request.caller = std::make_shared<const Guest>(key, admin);
  return std::nullopt;
}

// Found by its hash, so how long it takes says nothing about the key: no constant-time comparison.
Access::KeyPtr Access::Find(std::string_view key) const {
  const Digest hash = Sha256(key);
  const auto table = table_.Acquire();
  const auto found = table->find(hash);
  return found == table->end() ? nullptr : found->second;
}

bool Access::links_signed() const {
  if (settings_.links == AccessSettings::Links::kAuto) return required();
  return settings_.links == AccessSettings::Links::kSigned;
}

std::string Access::LinkSuffix(std::string_view name) const {
  return links_signed() ? "?" + signer_.Sign(name, clock_.NowMs()) : std::string();
}

Result<void> Access::Refresh() {
  std::lock_guard lock(mutex_);
  const auto version = store_->Version();
  if (!version) return std::unexpected(version.error());
  if (*version == version_) return {};
  auto stored = store_->All();
  if (!stored) return std::unexpected(stored.error());
  version_ = *version;
  Replace(std::move(*stored));
  return {};
}

void Access::Replace(std::vector<StoredKey> stored) {
  const bool any = !stored.empty();
  std::erase_if(stored, [](const StoredKey& key) { return key.revoked_ms != 0; });
  std::map<std::int64_t, KeyPtr> keys;
  for (StoredKey& key : stored) {
    const auto known = keys_.find(key.id);
    // What a key may do never changes, and what it has used up must not be forgotten.
    keys[key.id] = known != keys_.end() ? known->second : std::make_shared<Key>(std::move(key));
  }
  const bool first = any && !required() && settings_.mode == AccessSettings::Mode::kAuto;
  const bool same = keys == keys_;
  keys_ = std::move(keys);
  if (!same) {
    auto table = std::make_unique<KeyTable>();
    for (const auto& [id, key] : keys_) table->emplace(key->stored.hash, key);
    table_.Publish(std::move(table));
    log::info("{} API keys are valid", keys_.size());
  }
  if (first) required_.store(true, std::memory_order_release);
}

Result<void> Access::NoteUse() {
  std::lock_guard lock(mutex_);
  std::vector<KeyUse> uses;
  for (const auto& [id, key] : keys_) {
    const std::int64_t used = key->last_used_ms.load(std::memory_order_relaxed);
    if (used > key->noted_ms) uses.push_back({.id = id, .last_used_ms = used});
  }
  if (uses.empty()) return {};
  if (auto noted = store_->NoteUse(uses); !noted) return noted;
  for (const KeyUse& use : uses) keys_[use.id]->noted_ms = use.last_used_ms;
  return {};
}

}  // namespace reprise
