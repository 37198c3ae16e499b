// Base64 (RFC 4648, section 4), 24 bytes at a time, for processors with AVX2. After W. Mula and
// D. Lemire, "Faster Base64 Encoding and Decoding using AVX2 Instructions" (2018).
#pragma once

#include <cstddef>

namespace reprise {

// False on other processors: then the functions below must not be called.
bool HasAvx2();

// Encode the front of `bytes`: how many were taken, a multiple of 24, with 4/3 as many characters
// written. The last 27 or fewer are left.
std::size_t Base64EncodeAvx2(const char* bytes, std::size_t size, char* out);

// Decode the front of `text`: how many characters were taken, a multiple of 32, with 3/4 as many
// bytes written; up to 8 more bytes behind them are overwritten. Stops at a character that is not
// of the alphabet, '=' included, and leaves at least the last 12.
std::size_t Base64DecodeAvx2(const char* text, std::size_t size, char* out);

}  // namespace reprise
