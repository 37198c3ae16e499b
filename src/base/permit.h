// A place among a bounded number: given back to its owner when destroyed. Moved, never copied; the
// owner outlives it. To be used by the thread that holds it.
#pragma once

#include <utility>

namespace reprise {

// Owner::Release takes the place back, from any thread; a private one names Permit as a friend.
template <class Owner>
class Permit {
 public:
  explicit Permit(Owner* owner) : owner_(owner) {}
  Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Permit() {
    if (owner_) owner_->Release();
  }

 private:
  Owner* owner_;
};

}  // namespace reprise
