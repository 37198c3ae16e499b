#include "cache/corrections.h"

#include <algorithm>
#include <mutex>

namespace reprise {
namespace {

// With its length in front, so that no text can spell another list.
void Append(std::string_view text, std::string& out) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

}  // namespace

Digest TextKey(std::string_view tenant, const Prompt& prompt) {
  std::string key;
  Append(tenant, key);
  Append(prompt.normalized, key);
  for (const std::string& quoted : prompt.quoted) Append(quoted, key);
  return Sha256(key);
}

Digest PairKey(const Digest& a, const Digest& b) {
  std::string key(std::min(a, b).View());
  key += std::max(a, b).View();
  return Sha256(key);
}

std::optional<bool> Corrections::Find(const Digest& a, const Digest& b) const {
  const Digest pair = PairKey(a, b);
  std::shared_lock lock(mutex_);
  const auto found = pairs_.find(pair);
  return found == pairs_.end() ? std::nullopt : std::optional<bool>(found->second);
}

void Corrections::Put(const std::string& tenant, const Digest& a, const Digest& b, bool same) {
  const Digest pair = PairKey(a, b);
  std::unique_lock lock(mutex_);
  const auto [found, inserted] = pairs_.try_emplace(pair, true);
  if (inserted) ++of_tenant_[tenant];
  const bool was_refused = !found->second;
  found->second = same;
  if (was_refused == !same) return;
  if (same) {
    Unlink(a, b);
    return;
  }
  refused_[a].push_back(b);
  if (a != b) refused_[b].push_back(a);
  ++refused_pairs_;
}

void Corrections::Remove(const std::string& tenant, const Digest& a, const Digest& b) {
  const Digest pair = PairKey(a, b);
  std::unique_lock lock(mutex_);
  const auto found = pairs_.find(pair);
  if (found == pairs_.end()) return;
  if (!found->second) Unlink(a, b);
  pairs_.erase(found);
  const auto own = of_tenant_.find(tenant);
  if (own != of_tenant_.end() && --own->second == 0) of_tenant_.erase(own);
}

bool Corrections::HasRoomFor(const std::string& tenant) const {
  std::shared_lock lock(mutex_);
  if (pairs_.size() < most_) return true;
  const auto own = of_tenant_.find(tenant);
  return own == of_tenant_.end() || own->second < most_ / kShare;
}

// The caller holds the lock.
void Corrections::Unlink(const Digest& a, const Digest& b) {
  const auto drop = [this](const Digest& from, const Digest& partner) {
    const auto found = refused_.find(from);
    if (found == refused_.end()) return;
    std::erase(found->second, partner);
    if (found->second.empty()) refused_.erase(found);
  };
  drop(a, b);
  drop(b, a);
  --refused_pairs_;
}

std::vector<Digest> Corrections::RefusedWith(const Digest& text) const {
  std::shared_lock lock(mutex_);
  const auto found = refused_.find(text);
  return found == refused_.end() ? std::vector<Digest>{} : found->second;
}

std::size_t Corrections::size() const {
  std::shared_lock lock(mutex_);
  return pairs_.size();
}

std::size_t Corrections::refused() const {
  std::shared_lock lock(mutex_);
  return refused_pairs_;
}

}  // namespace reprise
