// A saved index as bytes: values as this machine has them, one behind the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace reprise {

class SavedBytes {
 public:
  template <class T>
  void Put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    PutBytes(std::as_bytes(std::span(&value, 1)));
  }
  void PutBytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void Reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// Takes them from where they are, through a buffer. Its user has seen to it that there are as many
// bytes as are taken. When the source fails, zeros come instead, and `status` says why.
class SavedReader {
 public:
  // Fills what it is given with the bytes that follow.
  using Source = std::function<Result<void>(std::span<std::byte>)>;

  SavedReader(std::size_t size, Source source) : source_(std::move(source)), unread_(size) {}

  template <class T>
  T Get() {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kBuffer);
    T value;
    GetBytes(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  void GetBytes(std::span<std::byte> out) {
    out = out.subspan(Take(out));
    if (out.size() >= kBuffer) return Read(out);
    if (out.empty()) return;
    buffer_.resize(std::min(kBuffer, unread_));
    next_ = 0;
    Read(buffer_);
    Take(out);
  }
  std::size_t left() const { return unread_ + buffer_.size() - next_; }
  const Result<void>& status() const { return status_; }

 private:
  static constexpr std::size_t kBuffer = 64 << 10;

  // What the buffer has; how much it was.
  std::size_t Take(std::span<std::byte> out) {
    const auto taken =
        std::span(buffer_).subspan(next_, std::min(out.size(), buffer_.size() - next_));
    std::ranges::copy(taken, out.begin());
    next_ += taken.size();
    return taken.size();
  }

  void Read(std::span<std::byte> out) {
    unread_ -= out.size();
    if (status_) status_ = source_(out);
    if (!status_) std::ranges::fill(out, std::byte{0});
  }

  const Source source_;
  std::size_t unread_;  // of the source
  std::vector<std::byte> buffer_;
  std::size_t next_ = 0;  // in the buffer
  Result<void> status_;
};

}  // namespace reprise
