// What is fuzzed: each target takes any bytes, and must neither crash nor break what it promises.
// The same functions run under libFuzzer (fuzzer.cc) and over the kept corpus (replay.cc).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace reprise::fuzz {

struct Target {
  std::string_view name;  // also of its folder in fuzz/corpus
  void (*run)(std::string_view bytes);
};

void Bodies(std::string_view bytes);  // JSON of the surfaces; the first byte says which
void Chat(std::string_view bytes);
void Batch(std::string_view bytes);
void Forms(std::string_view bytes);
void Urls(std::string_view bytes);  // Pollinations, links, ranges, cache headers; as Bodies
void Prompts(std::string_view bytes);
void Images(std::string_view bytes);
void Tensors(std::string_view bytes);
void Tokenizers(std::string_view bytes);
void Configs(std::string_view bytes);
void Archives(std::string_view bytes);
void Snapshots(std::string_view bytes);

inline constexpr Target kTargets[] = {
    {"bodies", Bodies},   {"chat", Chat},
    {"batch", Batch},     {"forms", Forms},
    {"urls", Urls},       {"prompts", Prompts},
    {"images", Images},   {"tensors", Tensors},
    {"configs", Configs}, {"tokenizers", Tokenizers},
    {"archives", Archives}, {"snapshots", Snapshots},
};

// A promise, also where assertions are off.
inline void Promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

}  // namespace reprise::fuzz
