// Prompts in any number, as people might type them: somebody or something, doing something
// somewhere, in a style, with the light and the details that some add. Each can be said otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace reprise {

// One picture: an alternative of each part of the grammar.
using Scene = std::array<std::uint8_t, 8>;

// All different, the same for the same seed. At most a few hundred million.
std::vector<Scene> MakeScenes(std::size_t count, std::uint32_t seed);

// As its author typed it.
std::string Describe(const Scene& scene);
// The same picture as somebody else would: other words, another order, fewer details.
std::string Rephrase(const Scene& scene);

}  // namespace reprise
