// The text of a drawn picture: made safe for the renderer, then turned into a coverage mask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

// Valid UTF-8 without control characters, at most `max_characters` long; what is cut off is shown
// as an ellipsis.
std::string DisplayText(std::string_view text, std::size_t max_characters);

// How much each pixel of a rectangle is covered by letters, row by row, 0 to 255.
struct TextMask {
  int width = 0, height = 0;
  std::vector<std::uint8_t> coverage;
};

// `text` (a DisplayText) wrapped and centred, in letters as large as fit width x height. Empty when
// the fonts give nothing.
TextMask RenderText(const std::string& text, int width, int height);

}  // namespace reprise
