// Unicode text: clean UTF-8 out of any bytes, case and accent folding. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace reprise {

bool IsAscii(std::string_view text);

// NFKC with case kept (NFC where that would make a long text four times as long); runs of white
// space and control characters become one space, none at the ends; every invalid byte sequence
// becomes U+FFFD; marks stand in runs of 30 at most, with U+034F between.
std::string CleanText(std::string_view text);

// Full case folding of clean text, back in NFKC: "STRASSE" and "Straße" agree.
std::string FoldCase(std::string_view text);

// Letters without their accents and digits of any script as 0-9: "café" to "cafe". Only combining
// marks of the Latin, Greek and Cyrillic kind go (U+0300-U+036F): kana voicing marks and Indic
// vowel signs make other letters, not accents.
std::string FoldAccents(std::string_view text);

// The code point at `at`, which is moved past it. U+FFFD where the bytes are not UTF-8.
char32_t NextCodePoint(std::string_view text, std::size_t& at);

}  // namespace reprise
