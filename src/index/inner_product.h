// The inner product of binary16 vectors, with the fastest kernel of this processor that sums in
// binary32.
#pragma once

#include <cstddef>

#include "index/vector_index.h"

namespace reprise {

class InnerProduct {
 public:
  explicit InnerProduct(std::size_t dimensions);

  // Both vectors have `dimensions` elements. Safe for any thread.
  float operator()(const Half* a, const Half* b) const {
    double product;
    kernel_(a, b, dimensions_, &product);
    return static_cast<float>(product);
  }

  std::size_t dimensions() const { return dimensions_; }

 private:
  // SimSIMD's own types, without its header.
  using Kernel = void (*)(const Half*, const Half*, unsigned long long, double*);

  std::size_t dimensions_;
  Kernel kernel_;
};

}  // namespace reprise
