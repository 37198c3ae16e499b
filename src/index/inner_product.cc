#include "index/inner_product.h"

#include <simsimd/simsimd.h>

#include <type_traits>

namespace reprise {
namespace {

// Not simsimd_dot_f16(): it remembers its kernel in a plain static, which two first calls race for.
// The kernels left out sum in binary16 (read in SimSIMD 6.5's dot.h): their cosines are off by up
// to a few thousandths, more than what separates a paraphrase from another picture, and a threshold
// would mean something else on each processor.
decltype(&simsimd_dot_f16) FindHalfKernel() {
  const auto allowed = static_cast<simsimd_capability_t>(
      simsimd_cap_any_k & ~(simsimd_cap_sapphire_k | simsimd_cap_sve_f16_k));
  decltype(&simsimd_dot_f16) kernel = nullptr;
  simsimd_capability_t used = simsimd_cap_serial_k;
  simsimd_find_kernel_punned(simsimd_metric_dot_k, simsimd_datatype_f16_k, simsimd_capabilities(),
                             allowed, reinterpret_cast<simsimd_kernel_punned_t*>(&kernel), &used);
  return kernel;
}

}  // namespace

InnerProduct::InnerProduct(std::size_t dimensions) : dimensions_(dimensions) {
  static_assert(std::is_same_v<decltype(&simsimd_dot_f16), Kernel>);
  static const Kernel found = FindHalfKernel();  // the serial kernel always exists
  kernel_ = found;
}

}  // namespace reprise
