#include "embed/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "embed/mapped_file.h"
#include "embed/model_files_testing.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string SafeTensorsRefusal(const std::string& bytes) {
  const auto read = SafeTensors::Parse(bytes);
  EXPECT_FALSE(read) << bytes;
  if (read) return "";
  EXPECT_EQ(read.error().code, Code::kCorrupt);
  return read.error().message;
}

std::string Headed(const std::string& header, const std::string& data = "") {
  return WithHeader(header, data, header.size());
}

TEST(SafeTensors, ReadsEveryElementTypeAsNumbers) {
  const std::string file = SafeTensorsFile({
      {"f64", "F64", {2}, BytesOf<double>({1.5, -2})},
      {"f32", "F32", {2}, BytesOf<float>({1.5, -2})},
      {"f16", "F16", {6}, BytesOf<std::uint16_t>({0x3e00, 0xc000, 0x0001, 0x8000, 0x7c00, 0x03ff})},
      {"bf16", "BF16", {2}, BytesOf<std::uint16_t>({0x3fc0, 0xc000})},
      {"i8", "I8", {2}, BytesOf<std::int8_t>({127, -127})},
      {"i32", "I32", {1}, BytesOf<std::int32_t>({-70'000})},
      {"i64", "I64", {1}, BytesOf<std::int64_t>({1'000'000'000'000})},
  });
  const auto tensors = SafeTensors::Parse(file);
  ASSERT_TRUE(tensors) << tensors.error().message;
  for (const char* name : {"f64", "f32", "f16", "bf16"}) {
    EXPECT_EQ(tensors->Find(name)->At(0), 1.5) << name;
    EXPECT_EQ(tensors->Find(name)->At(1), -2) << name;
  }
  const Tensor& half = *tensors->Find("f16");
  EXPECT_EQ(half.At(2), 0x1p-24);
  EXPECT_TRUE(half.At(3) == 0 && std::signbit(half.At(3)));
  EXPECT_TRUE(std::isinf(half.At(4)));
  EXPECT_EQ(half.At(5), 1023 * 0x1p-24);
  EXPECT_EQ(tensors->Find("i8")->At(1), -127);
  EXPECT_EQ(tensors->Find("i32")->At(0), -70'000);
  EXPECT_EQ(tensors->Find("i64")->At(0), 1e12);
  EXPECT_EQ(tensors->Find("none"), nullptr);
  EXPECT_EQ(tensors->Names(), "bf16, f16, f32, f64, i32, i64, i8");
  for (const char* name : {"f64", "f32", "f16", "bf16"}) {
    float out[] = {10, 10};
    tensors->Find(name)->AddTo(0, 2, 2, out);
    EXPECT_EQ(out[0], 13) << name;
    EXPECT_EQ(out[1], 6) << name;
  }
}

TEST(SafeTensors, AFileCutAnywhereIsRefused) {
  const std::string file = SafeTensorsFile({{"a", "F32", {2, 2}, BytesOf<float>({1, 2, 3, 4})}});
  ASSERT_TRUE(SafeTensors::Parse(file));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(SafeTensors::Parse(file.substr(0, size))) << size;
  }
}

TEST(SafeTensors, HostileHeadersAreRefused) {
  EXPECT_THAT(SafeTensorsRefusal(""), HasSubstr("it has 0 bytes"));
  EXPECT_THAT(SafeTensorsRefusal(WithHeader("{}", "", 3)), HasSubstr("claims 3 of 2 bytes"));
  EXPECT_THAT(SafeTensorsRefusal(WithHeader("{}", "", ~std::uint64_t{0})), HasSubstr("claims"));
  for (const char* header : {"", "[]", "{", "{\"a\":\xff}", "null"}) {
    EXPECT_THAT(SafeTensorsRefusal(Headed(header)), HasSubstr("no JSON object")) << header;
  }
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a":7})", "has no description"},
      {R"({"a":{}})", "has no dtype"},
      {R"({"a":{"dtype":7}})", "has no dtype"},
      {R"({"a":{"dtype":"F32"}})", "no shape or place"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "no shape or place"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "no shape or place"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "no shape or place"},
      {R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", "no shape or place"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "lies at 4 to 0 of 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}})", "lies at 5 to 9 of 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", "lies at"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "not what its shape"},
      {R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,8]}})", "not what its shape"},
      // The product of the sizes overflows to what would fit.
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})",
       "not what its shape"},
      {R"({"a":{"dtype":"F32","shape":[9223372036854775809,2],"data_offsets":[0,8]}})",
       "not what its shape"},
  };
  for (const auto& [header, message] : cases) {
    EXPECT_THAT(SafeTensorsRefusal(Headed(header, "12345678")), HasSubstr(message)) << header;
  }
}

TEST(SafeTensors, TypesItDoesNotKnowAreLeftToWhoeverAsksForThem) {
  const auto tensors = SafeTensors::Parse(
      Headed(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", "12"));
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_EQ(tensors->Find("a")->dtype, DType::kOther);
  EXPECT_EQ(tensors->Find("a")->dtype_name, "F8_E4M3");
}

TEST(MappedFile, MapsFilesAndNothingElse) {
  ScratchFolder folder;
  folder.Write("a", "bytes");
  folder.Write("empty", "");
  EXPECT_EQ(MappedFile::Open(folder.path() / "a")->bytes(), "bytes");
  EXPECT_EQ(MappedFile::Open(folder.path() / "empty")->bytes(), "");
  for (const auto& path : {folder.path() / "none", folder.path()}) {
    const auto file = MappedFile::Open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Code::kNotFound);
    EXPECT_THAT(file.error().message, HasSubstr(path.string()));
  }
}

}  // namespace
}  // namespace reprise
