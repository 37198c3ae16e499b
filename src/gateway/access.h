// Who may use the gateway: finds the key that a request carries, whether it may do what its route
// does, and whether it may do so now. See docs/security.md.
//
// A request costs one hash and one look-up in a table in memory that readers share without a lock;
// the table is replaced as a whole when a key is added or revoked (Refresh).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/reader_slots.h"
#include "gateway/link_signer.h"
#include "gateway/rate_limit.h"
#include "gateway/route_rules.h"
#include "http/router.h"
#include "store/key_store.h"

namespace reprise {

struct AccessSettings {
  // kAuto: keys are needed as soon as there is one, and from then on, also when all are revoked.
  enum class Mode { kAuto, kRequired, kOff };
  // kAuto: links are signed while keys are needed.
  enum class Links { kAuto, kOpen, kSigned };

  Mode mode = Mode::kAuto;
  Links links = Links::kAuto;
  std::chrono::milliseconds link_expiry{3'600'000};
  std::string link_secret;  // empty: one that is made and kept in the store
};

// What every key of the gateway begins with.
inline constexpr std::string_view kApiKeyPrefix = "rpk_";

// A key as it is given to its user, once: the prefix and 192 random bits in hexadecimal digits.
Result<std::string> NewApiKey();

// Safe for any thread.
class Access {
 public:
  // Reads the keys. Both references outlive it.
  static Result<std::unique_ptr<Access>> Open(std::unique_ptr<KeyStore> store,
                                              AccessSettings settings, const Clock& clock);

  // Whether requests need a key.
  bool required() const { return required_.load(std::memory_order_acquire); }

  // Where there are two ports, the public one has no admin's routes, and no caller is one there.
  enum class Door { kEverything, kPublic };

  // The same routes, each behind what RuleOf says of it. This object outlives them.
  http::Router Guard(const http::Router& routes, Door door = Door::kEverything);

  // What the link to the image `name` ends with: "?expires=...&signature=...", or nothing where
  // links are open.
  std::string LinkSuffix(std::string_view name) const;

  // Looks whether the stored keys have changed, and takes what has; blocks. On an error the keys
  // stay as they were.
  Result<void> Refresh();

  // Writes down when keys were last used; blocks.
  Result<void> NoteUse();

 private:
  // A key in use.
  struct Key {
    explicit Key(StoredKey key);

    const StoredKey stored;
    const std::unique_ptr<RateLimit> rate;  // null: no bound
    std::atomic<std::int64_t> under_way = 0;
    std::atomic<std::int64_t> last_used_ms = 0;
    std::int64_t noted_ms = 0;  // what of it is stored
  };
  using KeyPtr = std::shared_ptr<Key>;
  using KeyTable = std::unordered_map<Digest, KeyPtr>;

  struct GuardedRoute {
    RouteRule rule;
    Door door = Door::kEverything;
    http::Handler handler;
  };
  class Guest;

  Access(std::unique_ptr<KeyStore> store, AccessSettings settings, std::string link_secret,
         const Clock& clock);

  Task<http::Response> Admit(std::shared_ptr<const GuardedRoute> route, http::RequestPtr request);
  // While no key is needed: what a browser may have been led to send is refused.
  std::optional<Error> Objection(const GuardedRoute& route, const http::Request& request) const;
  static Task<http::Response> Refuse(std::shared_ptr<const GuardedRoute> route, Error error);
  // The refusal, if the request is refused; otherwise its caller is noted.
  std::optional<Error> Check(const GuardedRoute& route, const http::Request& request, KeyPtr& key,
                             RateLimit::Verdict& verdict);
  KeyPtr Find(std::string_view key) const;
  bool links_signed() const;
  void Replace(std::vector<StoredKey> stored);

  const std::unique_ptr<KeyStore> store_;
  const AccessSettings settings_;
  const LinkSigner signer_;
  const Clock& clock_;
  std::atomic<bool> required_ = false;
  ReaderSlots<KeyTable> table_;

  std::mutex mutex_;                     // the writer's: Refresh and NoteUse
  std::map<std::int64_t, KeyPtr> keys_;  // by id; those that are not revoked
  std::int64_t version_ = -1;
};

}  // namespace reprise
