#include "image/picture_text.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "image/vips_runtime.h"

namespace reprise {
namespace {

struct Freed {
  void operator()(void* memory) const { g_free(memory); }
};
using GlibString = std::unique_ptr<char, Freed>;

// Nothing for what has no shape of its own and may upset the renderer.
const char* Replacement(gunichar character) {
  if (character == '\n') return "\n";
  if (character == '\t' || character == '\r') return " ";
  if (g_unichar_iscntrl(character) || !g_unichar_validate(character)) return "";
  return nullptr;
}

// Roughly how many letters of 0.6 em the text takes: East Asian ones count twice.
double LetterCount(const std::string& text) {
  double letters = 0;
  for (const char* at = text.c_str(); *at; at = g_utf8_next_char(at)) {
    letters += g_unichar_iswide(g_utf8_get_char(at)) ? 1.8 : 1.0;
  }
  return letters;
}

vips::VImage Letters(const std::string& text, int pixels, int width) {
  const GlibString escaped(g_markup_escape_text(text.c_str(), -1));
  const std::string font = "sans bold " + std::to_string(pixels);
  return vips::VImage::text(escaped.get(), vips::VImage::option()
                                               ->set("font", font.c_str())
                                               ->set("dpi", 72)  // points are pixels
                                               ->set("width", width)
                                               ->set("align", VIPS_ALIGN_CENTRE)
                                               ->set("wrap", VIPS_TEXT_WRAP_WORD_CHAR));
}

TextMask ToMask(const vips::VImage& letters, int width, int height) {
  const int used_width = std::min(width, letters.width());
  const int used_height = std::min(height, letters.height());
  const vips::VImage area = letters.extract_area(0, 0, used_width, used_height);
  std::size_t size = 0;
  const std::unique_ptr<void, Freed> memory(area.write_to_memory(&size));
  const auto* bytes = static_cast<const std::uint8_t*>(memory.get());
  return {used_width, used_height, {bytes, bytes + size}};
}

}  // namespace

std::string DisplayText(std::string_view text, std::size_t max_characters) {
  const GlibString valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
  std::string out;
  std::size_t characters = 0;
  for (const char* at = valid.get(); *at; at = g_utf8_next_char(at)) {
    if (characters++ == max_characters) return out + "\u2026";
    const char* replacement = Replacement(g_utf8_get_char(at));
    if (replacement) {
      out += replacement;
    } else {
      out.append(at, static_cast<std::size_t>(g_utf8_next_char(at) - at));
    }
  }
  return out;
}

TextMask RenderText(const std::string& text, int width, int height) {
  if (text.find_first_not_of(" \n") == std::string::npos) return {};
  // Letters take about 0.6 x 1.25 em; the last fifth is left to ragged lines.
  const double area = 0.8 * width * height;
  const double ideal = std::sqrt(area / (LetterCount(text) * 0.6 * 1.25));
  int pixels = std::clamp(static_cast<int>(ideal), 8, std::max(8, width / 10));
  try {
    vips::VImage letters = Letters(text, pixels, width);
    while (letters.height() > height && pixels > 8) {
      pixels = std::max(8, pixels * 85 / 100);
      letters = Letters(text, pixels, width);
    }
    return ToMask(letters, width, height);
  } catch (const vips::VError&) {
    LogVipsError("drawing text");
    return {};
  }
}

}  // namespace reprise
