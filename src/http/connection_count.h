// The connections that clients have, and how many of them each address has. Addresses are in memory
// only, while their connections are open, and only where they are bounded. Safe for any thread.
#pragma once

#include <asio/ip/address.hpp>
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>

namespace reprise::http {

class ConnectionCount {
 public:
  // At most so many of an address; 0: no bound. An IPv6 address counts with its network of 64 bits,
  // which is one customer's.
  explicit ConnectionCount(std::size_t per_address) : per_address_(per_address) {}

  // An open connection's place; given back by the destructor, before the count ends.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class ConnectionCount;
    Place(ConnectionCount& count, std::optional<asio::ip::address> network)
        : count_(&count), network_(std::move(network)) {}

    ConnectionCount* count_;  // null: moved from
    std::optional<asio::ip::address> network_;
  };

  // Nothing: that address has as many as it may.
  std::optional<Place> Enter(const asio::ip::address& client);

  std::size_t open() const { return open_; }
  std::size_t refused() const { return refused_; }  // since the start

 private:
  void Leave(const std::optional<asio::ip::address>& network);

  const std::size_t per_address_;
  std::atomic<std::size_t> open_ = 0, refused_ = 0;
  std::mutex mutex_;
  std::map<asio::ip::address, std::size_t> networks_;
};

}  // namespace reprise::http
