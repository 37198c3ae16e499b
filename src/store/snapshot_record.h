// An entry as bytes, for snapshots. Internal to src/store.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "store/entry_store.h"

namespace reprise {

// Appends numbers and texts, a text with its length before it.
class RecordWriter {
 public:
  explicit RecordWriter(std::string& out) : out_(out) {}

  template <class Number>
  requires std::is_arithmetic_v<Number>
  void Put(Number number) { out_.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void Put(std::string_view text) {
    Put(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  void Put(const Digest& digest) { out_.append(digest.View()); }

 private:
  std::string& out_;
};

// Takes them off again. A value that is not all there makes this one and all later ones fail.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  requires std::is_arithmetic_v<Number>
  void Get(Number& number) {
    const std::string_view bytes = Take(sizeof number);
    if (ok_) std::memcpy(&number, bytes.data(), sizeof number);
  }
  void Get(std::string& text) {
    std::uint32_t size = 0;
    Get(size);
    const std::string_view bytes = Take(size);
    if (ok_) text.assign(bytes);
  }
  void Get(Digest& digest) {
    const std::string_view bytes = Take(digest.bytes.size());
    if (ok_) std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
  }
  // How many items follow, each of at least `least` bytes: more than there is room for is an error.
  std::size_t GetCount(std::size_t least) {
    std::uint32_t count = 0;
    Get(count);
    if (count > rest_.size() / least) ok_ = false;
    return ok_ ? count : 0;
  }
  std::string_view Take(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// `embedded`: whether the store has the vector that goes with the snapshot.
void PutRecord(std::string& out, const Entry& entry, bool embedded);

// Fills `entry`, whose memory is used again. False for bytes that are no record, or none of an
// entry that could have been stored.
bool GetRecord(RecordReader& reader, Entry& entry, bool& embedded);

}  // namespace reprise
