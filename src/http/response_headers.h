// The headers of a reply, spelt as they are sent: an exact hit has a dozen, and a string for each
// name and value costs more than all that is decided about it. For one thread at a time.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace reprise::http {

class ResponseHeaders {
 public:
  using value_type = std::pair<std::string_view, std::string_view>;  // name and value

  // In the order they were added. What it gives is valid until the next one is added.
  class const_iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = ResponseHeaders::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = value_type;

    const_iterator() = default;
    explicit const_iterator(std::string_view rest) : rest_(rest) {}
    value_type operator*() const;
    const_iterator& operator++();
    const_iterator operator++(int);
    bool operator==(const const_iterator& other) const {
      return rest_.size() == other.rest_.size();
    }

   private:
    std::string_view rest_;  // the lines from this one on
  };
  using iterator = const_iterator;

  ResponseHeaders() = default;
  ResponseHeaders(std::initializer_list<value_type> headers);

  // One more, also of a name that is there. A value may not end its line, nor the head: line breaks
  // and other control characters become spaces.
  void Add(std::string_view name, std::string_view value);

  const_iterator begin() const { return const_iterator(lines_); }
  const_iterator end() const { return const_iterator(); }
  // "Name: value\r\n" for each.
  std::string_view lines() const { return lines_; }
  bool operator==(const ResponseHeaders&) const = default;

 private:
  std::string lines_;
};

}  // namespace reprise::http
