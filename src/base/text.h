// Small operations on text that several folders need.
#pragma once

#include <cstddef>
#include <string_view>

namespace reprise {

// Without the `blank` characters at either end. A view of `text`.
std::string_view Trim(std::string_view text, std::string_view blank = " \t");

// Of UTF-8; bytes that are none count as one each, unless they look like continuations.
std::size_t CodePoints(std::string_view utf8);

}  // namespace reprise
