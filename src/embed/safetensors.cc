#include "embed/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

namespace reprise {
namespace {

using nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeader = 100u << 20;  // the reference implementation's limit

std::unexpected<Error> DamagedSafeTensors(const std::string& what) {
  return Fail(Code::kCorrupt, "not a whole safetensors file: " + what);
}

struct TypeInfo {
  const char* name;
  DType type;
  std::size_t bytes;
};
constexpr TypeInfo kTypes[] = {
    {"F64", DType::kF64, 8},   {"F32", DType::kF32, 4},   {"F16", DType::kF16, 2},
    {"BF16", DType::kBF16, 2}, {"I8", DType::kI8, 1},     {"I32", DType::kI32, 4},
    {"I64", DType::kI64, 8},   {"U8", DType::kOther, 1},  {"BOOL", DType::kOther, 1},
    {"I16", DType::kOther, 2}, {"U16", DType::kOther, 2}, {"U32", DType::kOther, 4},
    {"U64", DType::kOther, 8}};

const TypeInfo* FindType(std::string_view name) {
  const auto found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TypeInfo& info) { return info.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

template <class T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float FromHalf(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: mantissa times 2^-24
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

float FromBFloat(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

// The product of the sizes times `unit`, or nothing when it does not fit.
std::optional<std::size_t> BytesOf(const std::vector<std::size_t>& shape, std::size_t unit) {
  std::size_t bytes = unit;
  for (std::size_t size : shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) return std::nullopt;
  }
  return bytes;
}

// A list of whole, non-negative numbers.
std::optional<std::vector<std::size_t>> Sizes(const json& object, const char* key) {
  const auto list = object.find(key);
  if (list == object.end() || !list->is_array()) return std::nullopt;
  std::vector<std::size_t> sizes;
  for (const json& size : *list) {
    if (!size.is_number_unsigned()) return std::nullopt;
    sizes.push_back(size.get<std::size_t>());
  }
  return sizes;
}

Result<Tensor> ReadTensor(const std::string& name, const json& entry, std::string_view data) {
  const std::string tensor = "tensor '" + name + "' ";
  if (!entry.is_object()) return DamagedSafeTensors(tensor + "has no description");
  const auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string()) return DamagedSafeTensors(tensor + "has no dtype");
  Tensor read{.dtype_name = type->get<std::string>()};
  const auto shape = Sizes(entry, "shape");
  const auto offsets = Sizes(entry, "data_offsets");
  if (!shape || !offsets || offsets->size() != 2)
    return DamagedSafeTensors(tensor + "has no shape or place");
  const auto [begin, end] = std::pair((*offsets)[0], (*offsets)[1]);
  if (begin > end || end > data.size()) {
    return DamagedSafeTensors(tensor + "lies at " + std::to_string(begin) + " to " +
                              std::to_string(end) + " of " + std::to_string(data.size()) +
                              " bytes");
  }
  read.shape = *shape;
  read.data = data.substr(begin, end - begin);
  const TypeInfo* info = FindType(read.dtype_name);
  if (!info) return read;  // a type newer than this reader; refused if it is asked for
  read.dtype = info->type;
  if (BytesOf(read.shape, info->bytes) != read.data.size()) {
    return DamagedSafeTensors(tensor + "has " + std::to_string(read.data.size()) +
                              " bytes, which is not what its shape and dtype " + read.dtype_name +
                              " need");
  }
  return read;
}

template <class T, class Convert>
void AddAll(const char* bytes, std::size_t count, float weight, float* out, Convert convert) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] += weight * static_cast<float>(convert(Load<T>(bytes + i * sizeof(T))));
  }
}

constexpr auto kSame = [](auto value) { return value; };

}  // namespace

std::size_t Tensor::elements() const {
  return BytesOf(shape, 1).value_or(0);
}

double Tensor::At(std::size_t index) const {
  const char* bytes = data.data();
  switch (dtype) {
    case DType::kF64:
      return Load<double>(bytes + index * 8);
    case DType::kF32:
      return Load<float>(bytes + index * 4);
    case DType::kF16:
      return FromHalf(Load<std::uint16_t>(bytes + index * 2));
    case DType::kBF16:
      return FromBFloat(Load<std::uint16_t>(bytes + index * 2));
    case DType::kI8:
      return Load<std::int8_t>(bytes + index);
    case DType::kI32:
      return Load<std::int32_t>(bytes + index * 4);
    case DType::kI64:
      return static_cast<double>(Load<std::int64_t>(bytes + index * 8));
    case DType::kOther:
      break;
  }
  return 0;
}

void Tensor::AddTo(std::size_t begin, std::size_t count, float weight, float* out) const {
  const char* bytes = data.data();
  switch (dtype) {
    case DType::kF32:
      return AddAll<float>(bytes + begin * 4, count, weight, out, kSame);
    case DType::kF16:
      return AddAll<std::uint16_t>(bytes + begin * 2, count, weight, out, FromHalf);
    case DType::kBF16:
      return AddAll<std::uint16_t>(bytes + begin * 2, count, weight, out, FromBFloat);
    case DType::kI8:
      return AddAll<std::int8_t>(bytes + begin, count, weight, out, kSame);
    default:
      for (std::size_t i = 0; i < count; ++i) {
        out[i] += weight * static_cast<float>(At(begin + i));
      }
  }
}

Result<SafeTensors> SafeTensors::Parse(std::string_view file) {
  if (file.size() < kLengthBytes)
    return DamagedSafeTensors("it has " + std::to_string(file.size()) + " bytes");
  const auto length = Load<std::uint64_t>(file.data());
  const std::size_t rest = file.size() - kLengthBytes;
  if (length > rest || length > kMaxHeader) {
    return DamagedSafeTensors("its header claims " + std::to_string(length) + " of " +
                              std::to_string(rest) + " bytes");
  }
  const json header = json::parse(file.substr(kLengthBytes, length), nullptr, false);
  if (!header.is_object()) return DamagedSafeTensors("its header is no JSON object");
  SafeTensors read;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    auto tensor = ReadTensor(name, entry, file.substr(kLengthBytes + length));
    if (!tensor) return std::unexpected(tensor.error());
    read.tensors_.emplace(name, std::move(*tensor));
  }
  return read;
}

const Tensor* SafeTensors::Find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::string SafeTensors::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace reprise
