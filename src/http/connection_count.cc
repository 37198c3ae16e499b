#include "http/connection_count.h"

#include <algorithm>
#include <utility>

namespace reprise::http {
namespace {

asio::ip::address NetworkOf(const asio::ip::address& address) {
  if (address.is_v4()) return address;
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return asio::ip::address_v6(bytes);
}

}  // namespace

ConnectionCount::Place::Place(Place&& other) noexcept
    : count_(std::exchange(other.count_, nullptr)), network_(std::move(other.network_)) {}

ConnectionCount::Place::~Place() {
  if (count_) count_->Leave(network_);
}

std::optional<ConnectionCount::Place> ConnectionCount::Enter(const asio::ip::address& client) {
  std::optional<asio::ip::address> network;
  if (per_address_ > 0) {
    network = NetworkOf(client);
    std::lock_guard lock(mutex_);
    std::size_t& connections = networks_[*network];
    if (connections >= per_address_) {
      ++refused_;
      return std::nullopt;
    }
    ++connections;
  }
  ++open_;
  return Place(*this, std::move(network));
}

void ConnectionCount::Leave(const std::optional<asio::ip::address>& network) {
  --open_;
  if (!network) return;
  std::lock_guard lock(mutex_);
  const auto found = networks_.find(*network);
  if (--found->second == 0) networks_.erase(found);
}

}  // namespace reprise::http
