// Lets readers use a published object without ever waiting for the one writer that replaces it
// (hazard pointers, Michael 2004, with a fixed set of readers).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace reprise {

// View is immutable, or safe for a reader and the writer at once.
template <class View>
class ReaderSlots {
 public:
  // One reader's hold on a view; the view lives at least as long.
  class Pin {
   public:
    Pin(std::atomic<const View*>& hazard, std::size_t reader, const View* view)
        : hazard_(hazard), reader_(reader), view_(view) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() { hazard_.store(nullptr, std::memory_order_release); }

    const View* operator->() const { return view_; }
    const View& operator*() const { return *view_; }
    // This pin's number, below size(): no other pin has it at the same time.
    std::size_t reader() const { return reader_; }

   private:
    std::atomic<const View*>& hazard_;
    const std::size_t reader_;
    const View* const view_;
  };

  ReaderSlots(std::size_t readers, std::unique_ptr<const View> first)
      : slots_(readers), owned_(std::move(first)), published_(owned_.get()) {}

  // Yields only when all slots are taken, that is by as many readers.
  Pin Acquire() const {
    const std::size_t start = std::hash<std::thread::id>()(std::this_thread::get_id());
    for (std::size_t i = 0;; ++i) {
      const std::size_t reader = (start + i) % slots_.size();
      if (Claim(slots_[reader].hazard)) return {slots_[reader].hazard, reader, Load(reader)};
      if (i % slots_.size() == slots_.size() - 1) std::this_thread::yield();
    }
  }

  // Replaces the view and destroys the old one once no reader holds it. One writer.
  void Publish(std::unique_ptr<const View> view) {
    published_.store(view.get(), std::memory_order_seq_cst);
    const std::unique_ptr<const View> old = std::exchange(owned_, std::move(view));
    for (auto& slot : slots_) {
      while (slot.hazard.load(std::memory_order_seq_cst) == old.get()) std::this_thread::yield();
    }
  }

  std::size_t size() const { return slots_.size(); }

 private:
  struct alignas(64) Slot {
    mutable std::atomic<const View*> hazard = nullptr;
  };

  // The claim names the view of that moment: any non-null pointer would do, and it is often right.
  bool Claim(std::atomic<const View*>& hazard) const {
    const View* none = nullptr;
    return hazard.load(std::memory_order_relaxed) == nullptr &&
           hazard.compare_exchange_strong(none, published_.load(std::memory_order_seq_cst),
                                          std::memory_order_seq_cst);
  }

  // Either the writer sees our hazard after it published, and waits, or we see what it published.
  const View* Load(std::size_t reader) const {
    auto& hazard = slots_[reader].hazard;
    const View* view = hazard.load(std::memory_order_relaxed);
    for (const View* current = published_.load(std::memory_order_seq_cst); current != view;
         current = published_.load(std::memory_order_seq_cst)) {
      view = current;
      hazard.store(view, std::memory_order_seq_cst);
    }
    return view;
  }

  std::vector<Slot> slots_;
  std::unique_ptr<const View> owned_;
  std::atomic<const View*> published_;
};

}  // namespace reprise
