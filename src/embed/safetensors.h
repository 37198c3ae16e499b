// Tensors in a file of the safetensors format: 8 bytes little-endian header length, a JSON header
// {"name": {"dtype", "shape", "data_offsets": [begin, end]}}, then the data. Every number of the
// header is checked before anything is read through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace reprise {

enum class DType : std::uint8_t { kF64, kF32, kF16, kBF16, kI8, kI32, kI64, kOther };

// A view of the file's bytes, row-major, not necessarily aligned.
struct Tensor {
  DType dtype = DType::kOther;
  std::string dtype_name;  // as the file has it: "F16"
  std::vector<std::size_t> shape;
  std::string_view data;

  std::size_t elements() const;
  // One element as a number; `index` below elements(), `dtype` not kOther. I64 loses digits past 53
  // bits.
  double At(std::size_t index) const;
  // Adds `weight` times elements [begin, begin + count) to `out`.
  void AddTo(std::size_t begin, std::size_t count, float weight, float* out) const;
};

class SafeTensors {
 public:
  // kCorrupt, with what is wrong, unless every tensor lies inside `file`, which outlives this.
  static Result<SafeTensors> Parse(std::string_view file);

  // Null when there is none of that name.
  const Tensor* Find(const std::string& name) const;
  // "embeddings, weights", for messages.
  std::string Names() const;

 private:
  std::unordered_map<std::string, Tensor> tensors_;
};

}  // namespace reprise
