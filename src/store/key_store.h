// API keys at rest: who may use the gateway, for which tenant, and how much. A key itself is never
// stored, only its hash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace reprise {

// What a key may do: a set of these. None follows from another.
enum class Scope : unsigned {
  kGenerate = 1,  // have images made, and say what became of them
  kRead = 2,      // look at what the tenant has
  kAdmin = 4,     // remove what the tenant has; see what concerns everybody
};

using Scopes = unsigned;  // Scope values, added up

constexpr bool Includes(Scopes scopes, Scope scope) {
  return (scopes & static_cast<Scopes>(scope)) != 0;
}

std::string ToString(Scopes scopes);  // "generate,read"
// kInvalidArgument names the word that is none, or says that there is none at all.
Result<Scopes> ParseScopes(std::string_view text);

struct StoredKey {
  std::int64_t id = 0;  // given by the store, never reused
  // SHA-256, unsalted and fast: a key has 192 random bits, so there is nothing to guess or to look
  // up in a table, which is what slow and salted hashes are for; and every request pays for it.
  Digest hash;
  std::string name;
  std::string tenant;
  Scopes scopes = 0;
  std::int64_t requests_per_minute = 0;  // 0: no bound
  std::int64_t concurrent = 0;           // requests under way at once; 0: no bound
  std::int64_t created_ms = 0;
  std::int64_t last_used_ms = 0;  // 0: never; behind by a few seconds while a gateway runs
  std::int64_t revoked_ms = 0;    // 0: it is not

  bool operator==(const StoredKey&) const = default;
};

struct KeyUse {
  std::int64_t id = 0;
  std::int64_t last_used_ms = 0;
};

// Every call blocks for the disk, and for other programs' writes up to some seconds. Safe for any
// thread, and beside other stores of the same file in any process: a command adds and revokes keys
// while the gateway runs.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  // Gives the id; `key.id` is ignored. kConflict: the hash is there already.
  virtual Result<std::int64_t> Add(const StoredKey& key) = 0;
  // False: there is no such key, or it is revoked already. The row stays.
  virtual Result<bool> Revoke(std::int64_t id, std::int64_t now_ms) = 0;
  // In order of id, revoked ones too.
  virtual Result<std::vector<StoredKey>> All() = 0;
  // Last uses, which only ever move forward.
  virtual Result<void> NoteUse(const std::vector<KeyUse>& uses) = 0;
  // Changes when any other connection has written to the file; cheap enough for many a second.
  virtual Result<std::int64_t> Version() = 0;
  // Random bytes that are made at the first call for `name` and stay the same: what the gateway
  // signs with.
  virtual Result<std::string> Secret(const std::string& name) = 0;
};

// The keys in the embedded database `file`, which is made or migrated if need be, unless a running
// gateway has it. kConflict when that gateway's schema is another than this program's.
Result<std::unique_ptr<KeyStore>> OpenSqliteKeyStore(const std::filesystem::path& file);

}  // namespace reprise
