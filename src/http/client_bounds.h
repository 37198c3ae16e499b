// What all clients of one or several servers together may hold. Safe for any thread.
#pragma once

#include <asio/execution_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "http/body_budget.h"
#include "http/connection_count.h"

namespace reprise::http {

struct ClientBounds {
  // 0: no bound.
  ClientBounds(std::size_t connections_per_address, std::size_t body_bytes)
      : connections(connections_per_address), bodies(body_bytes) {}

  ConnectionCount connections;
  BodyBudget bodies;
};

// The bounds of the servers whose connections a context runs, by their ports: all that a socket
// knows of its server. Internal to src/http.
class BoundsByPort final : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;
  explicit BoundsByPort(asio::execution_context& context) : service(context) {}

  void Set(std::uint16_t port, std::shared_ptr<ClientBounds> bounds) {
    std::lock_guard lock(mutex_);
    bounds_[port] = std::move(bounds);
  }
  // Null: none.
  std::shared_ptr<ClientBounds> Find(std::uint16_t port) {
    std::lock_guard lock(mutex_);
    const auto found = bounds_.find(port);
    return found == bounds_.end() ? nullptr : found->second;
  }

 private:
  void shutdown() override {}

  std::mutex mutex_;
  std::map<std::uint16_t, std::shared_ptr<ClientBounds>> bounds_;
};

}  // namespace reprise::http
