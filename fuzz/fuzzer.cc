// libFuzzer's side: the target is the environment variable REPRISE_FUZZ_TARGET. See fuzz/run.
#include <cstdint>

#include "targets.h"

namespace {

const reprise::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const wanted = std::getenv("REPRISE_FUZZ_TARGET");
  for (const auto& target : reprise::fuzz::kTargets) {
    if (wanted && target.name == wanted) chosen = &target;
  }
  if (chosen) return 0;
  std::fprintf(stderr, "set REPRISE_FUZZ_TARGET to one of");
  for (const auto& target : reprise::fuzz::kTargets) {
    std::fprintf(stderr, " %.*s", static_cast<int>(target.name.size()), target.name.data());
  }
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
