#include "base/base64_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define REPRISE_AVX2 __attribute__((target("avx2")))

namespace reprise {
namespace {

// Values of 0 to 63 to their characters: a table of offsets, by range.
REPRISE_AVX2 __m256i ToCharacters(__m256i values) {
  const __m256i offsets =
      _mm256_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                       '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0,
                       'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                       '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  // 0 for 26-51, 1-10 for digits, 11 and 12 for the last two, 13 for capitals.
  __m256i range = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
  const __m256i capital = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
  range = _mm256_or_si256(range, _mm256_and_si256(capital, _mm256_set1_epi8(13)));
  return _mm256_add_epi8(_mm256_shuffle_epi8(offsets, range), values);
}

}  // namespace

bool HasAvx2() {
  return __builtin_cpu_supports("avx2");
}

REPRISE_AVX2 std::size_t Base64EncodeAvx2(const char* bytes, std::size_t size, char* out) {
  // Each group of three bytes b0 b1 b2 becomes b1 b0 b2 b1, so that its four values of 6 bits lie
  // within 16-bit halves; a multiplication then shifts each by its own amount.
  const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0,
                                          2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  std::size_t at = 0;
  for (; size - at >= 28; at += 24, out += 32) {  // the second load reads 16 bytes from the 12th on
    const __m256i in =
        _mm256_shuffle_epi8(_mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(bytes + at + 12),
                                                reinterpret_cast<const __m128i*>(bytes + at)),
                            spread);
    const __m256i even = _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0fc0fc00)),
                                            _mm256_set1_epi32(0x04000040));
    const __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003f03f0)),
                                           _mm256_set1_epi32(0x01000010));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), ToCharacters(_mm256_or_si256(even, odd)));
  }
  return at;
}

REPRISE_AVX2 std::size_t Base64DecodeAvx2(const char* text, std::size_t size, char* out) {
  // A character is of the alphabet when the bits of its two nibbles have none in common.
  const __m256i by_low =
      _mm256_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b,
                       0x1b, 0x1b, 0x1a, 0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                       0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
  const __m256i by_high =
      _mm256_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  // From a character to its value, by the high nibble; '/' has its own place.
  const __m256i offsets =
      _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 19, 4, -65,
                       -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i gather = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2,
                                          1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  const __m256i slash = _mm256_set1_epi8(0x2f);
  std::size_t at = 0;
  for (; size - at >= 44; at += 32, out += 24) {
    const __m256i in = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(in, 4), slash);
    const __m256i low = _mm256_and_si256(in, slash);
    if (!_mm256_testz_si256(_mm256_shuffle_epi8(by_low, low), _mm256_shuffle_epi8(by_high, high))) {
      break;
    }
    const __m256i place = _mm256_add_epi8(_mm256_cmpeq_epi8(in, slash), high);
    const __m256i values = _mm256_add_epi8(in, _mm256_shuffle_epi8(offsets, place));
    const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    const __m256i triples = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(triples, gather),
                                                       _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), packed);
  }
  return at;
}

}  // namespace reprise

#else

namespace reprise {

bool HasAvx2() {
  return false;
}
std::size_t Base64EncodeAvx2(const char*, std::size_t, char*) {
  return 0;
}
std::size_t Base64DecodeAvx2(const char*, std::size_t, char*) {
  return 0;
}

}  // namespace reprise

#endif
