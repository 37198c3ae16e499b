// Quoted text: what a picture shall show in writing, hence compared letter by letter. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reprise {

struct Quote {
  std::size_t begin;  // of the text inside the marks, in bytes
  std::size_t end;
};

// In order and without overlap: "...", '...', their curly kinds, guillemets and corner brackets.
// Apostrophes (don't, the dogs' bowl, '90s) and inches (5") are not quotes, nor is a mark without
// its partner. Linear in the length.
std::vector<Quote> FindQuotes(std::string_view clean);

}  // namespace reprise
