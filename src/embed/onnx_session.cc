#include "embed/onnx_session.h"

#include <string>

#if REPRISE_ONNX
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>
#endif

namespace reprise {

#if REPRISE_ONNX
namespace {

constexpr std::uint32_t kApiVersion = 11;  // the oldest with all that is used here
constexpr const char* kInstall = "run tools/setup --onnx, or name the library in embedder.library";

// ---- the library ----

std::vector<std::string> Candidates(const std::filesystem::path& library) {
  if (!library.empty()) return {library.string()};
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  return {REPRISE_ONNX_LIBRARY, (program / "onnxruntime/lib/libonnxruntime.so.1").string(),
          "libonnxruntime.so.1", "libonnxruntime.so"};
}

// The library stays loaded until the process ends: it starts threads and registers handlers.
Result<const OrtApi*> LoadApi(const std::filesystem::path& library) {
  std::string why;
  for (const std::string& name : Candidates(library)) {
    if (name.empty()) continue;
    void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      why = ::dlerror();
      continue;
    }
    const auto base =
        reinterpret_cast<const OrtApiBase*(ORT_API_CALL*)()>(::dlsym(handle, "OrtGetApiBase"));
    const OrtApi* api = base ? base()->GetApi(kApiVersion) : nullptr;
    if (api) return api;
    why = name + " is no ONNX Runtime of version 1.11 or later";
  }
  return Fail(Code::kUnavailable, "cannot load ONNX Runtime: " + why + "; " + kInstall,
              "embedder.library");
}

// ---- its objects, freed by themselves ----

template <class T>
using Owned = std::unique_ptr<T, std::function<void(T*)>>;

template <class T>
Owned<T> Own(T* object, void(ORT_API_CALL* release)(T*)) {
  return Owned<T>(object, release);
}

Result<void> Check(const OrtApi& api, OrtStatus* status, Code code) {
  if (!status) return {};
  const std::string message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  return Fail(code, "ONNX Runtime: " + message.substr(0, 500));
}

enum class Feed { kIds, kMask, kTypes };

struct Input {
  std::string name;
  Feed feed;
  bool wide;  // int64, else int32
};

struct ModelOutput {
  std::string name;
  std::size_t rank = 0;
};

Result<Feed> FeedOf(const std::string& name) {
  if (name == "input_ids") return Feed::kIds;
  if (name == "attention_mask") return Feed::kMask;
  if (name == "token_type_ids") return Feed::kTypes;
  return Fail(Code::kInvalidArgument,
              "the model wants the input '" + name +
                  "'; supported are encoders with input_ids, attention_mask and token_type_ids");
}

}  // namespace

class OnnxSession::Impl {
 public:
  explicit Impl(const OrtApi& api) : api_(api) {}

  Result<void> Open(const OnnxSessionOptions& options) {
    OrtEnv* env = nullptr;  // quiet: every fault comes back as a status
    if (auto made = Try(api_.CreateEnv(ORT_LOGGING_LEVEL_FATAL, "reprise", &env)); !made) {
      return made;
    }
    env_ = Own(env, api_.ReleaseEnv);
    OrtSessionOptions* raw = nullptr;
    if (auto made = Try(api_.CreateSessionOptions(&raw)); !made) return made;
    const auto settings = Own(raw, api_.ReleaseSessionOptions);
    // The worker pool is the parallelism: a run stays on its thread.
    if (auto set = Try(api_.SetIntraOpNumThreads(raw, 1)); !set) return set;
    if (auto set = Try(api_.SetInterOpNumThreads(raw, 1)); !set) return set;
    OrtSession* session = nullptr;
    if (auto made =
            Try(api_.CreateSession(env, options.model.c_str(), raw, &session), Code::kCorrupt);
        !made) {
      return made;
    }
    session_ = Own(session, api_.ReleaseSession);
    OrtMemoryInfo* memory = nullptr;
    if (auto made = Try(api_.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
        !made) {
      return made;
    }
    memory_ = Own(memory, api_.ReleaseMemoryInfo);
    if (auto inputs = ReadInputs(); !inputs) return inputs;
    return ChooseOutput(options.sentence_output);
  }

  Result<Output> Run(std::span<const std::int64_t> ids) const {
    std::vector<Column> columns;
    columns.reserve(inputs_.size());
    std::vector<Owned<OrtValue>> values;
    std::vector<const char*> names;
    std::vector<const OrtValue*> feeds;
    for (const Input& input : inputs_) {
      columns.push_back(ColumnFor(input, ids));
      auto value = MakeTensor(input, columns.back(), ids.size());
      if (!value) return std::unexpected(value.error());
      names.push_back(input.name.c_str());
      feeds.push_back(value->get());
      values.push_back(std::move(*value));
    }
    const char* wanted = output_.name.c_str();
    OrtValue* raw = nullptr;
    if (auto ran = Try(api_.Run(session_.get(), nullptr, names.data(), feeds.data(), feeds.size(),
                                &wanted, 1, &raw));
        !ran) {
      return std::unexpected(ran.error());
    }
    return ReadOutput(Own(raw, api_.ReleaseValue), ids.size());
  }

  bool pooled() const { return output_.rank == 2; }

 private:
  struct Column {
    std::vector<std::int64_t> wide;
    std::vector<std::int32_t> narrow;
  };

  Result<void> Try(OrtStatus* status, Code code = Code::kInternal) const {
    return Check(api_, status, code);
  }

  using NameOf = OrtStatus*(ORT_API_CALL*)(const OrtSession*, std::size_t, OrtAllocator*, char**);

  Result<std::string> Name(NameOf name_of, std::size_t index) const {
    OrtAllocator* allocator = nullptr;
    if (auto got = Try(api_.GetAllocatorWithDefaultOptions(&allocator)); !got) {
      return std::unexpected(got.error());
    }
    char* name = nullptr;
    if (auto got = Try(name_of(session_.get(), index, allocator, &name)); !got) {
      return std::unexpected(got.error());
    }
    std::string copy = name;
    static_cast<void>(Try(api_.AllocatorFree(allocator, name)));
    return copy;
  }

  struct TensorInfo {
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    std::size_t rank = 0;
  };
  using TypeInfoOf = OrtStatus*(ORT_API_CALL*)(const OrtSession*, std::size_t, OrtTypeInfo**);

  // Undefined for what is no tensor.
  Result<TensorInfo> Describe(TypeInfoOf type_info_of, std::size_t index) const {
    OrtTypeInfo* raw = nullptr;
    if (auto got = Try(type_info_of(session_.get(), index, &raw)); !got) {
      return std::unexpected(got.error());
    }
    const auto owner = Own(raw, api_.ReleaseTypeInfo);
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;  // belongs to `raw`
    if (auto got = Try(api_.CastTypeInfoToTensorInfo(raw, &tensor)); !got) {
      return std::unexpected(got.error());
    }
    TensorInfo info;
    if (!tensor) return info;
    if (auto got = Try(api_.GetTensorElementType(tensor, &info.type)); !got) {
      return std::unexpected(got.error());
    }
    if (auto got = Try(api_.GetDimensionsCount(tensor, &info.rank)); !got) {
      return std::unexpected(got.error());
    }
    return info;
  }

  Result<void> ReadInputs() {
    std::size_t count = 0;
    if (auto got = Try(api_.SessionGetInputCount(session_.get(), &count)); !got) return got;
    for (std::size_t i = 0; i < count; ++i) {
      auto name = Name(api_.SessionGetInputName, i);
      if (!name) return std::unexpected(name.error());
      const auto feed = FeedOf(*name);
      if (!feed) return std::unexpected(feed.error());
      const auto info = Describe(api_.SessionGetInputTypeInfo, i);
      if (!info) return std::unexpected(info.error());
      const bool wide = info->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
      if (!wide && info->type != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32) {
        return Fail(Code::kInvalidArgument, "the model's input '" + *name + "' takes no integers");
      }
      inputs_.push_back({std::move(*name), *feed, wide});
    }
    const bool has_ids = std::any_of(inputs_.begin(), inputs_.end(),
                                     [](const Input& i) { return i.feed == Feed::kIds; });
    if (!has_ids) return Fail(Code::kInvalidArgument, "the model has no input 'input_ids'");
    return {};
  }

  // A vector per token; the pooled output where that is wanted, or where there is nothing else.
  Result<void> ChooseOutput(bool sentence) {
    std::size_t count = 0;
    if (auto got = Try(api_.SessionGetOutputCount(session_.get(), &count)); !got) return got;
    std::optional<ModelOutput> tokens, whole;
    for (std::size_t i = 0; i < count; ++i) {
      auto name = Name(api_.SessionGetOutputName, i);
      if (!name) return std::unexpected(name.error());
      const auto info = Describe(api_.SessionGetOutputTypeInfo, i);
      if (!info) return std::unexpected(info.error());
      if (info->type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) continue;
      const bool known = *name == "last_hidden_state" || *name == "token_embeddings";
      if (info->rank == 3 && (known || !tokens)) tokens = {*name, 3};
      // BERT's `pooler_output` was trained for another purpose.
      if (info->rank == 2 && *name == "sentence_embedding") whole = {*name, 2};
    }
    if (!tokens && !whole) {
      return Fail(Code::kInvalidArgument,
                  "the model has no float32 output of token vectors (last_hidden_state) or "
                  "sentence_embedding");
    }
    output_ = whole && (sentence || !tokens) ? *whole : *tokens;
    return {};
  }

  static Column ColumnFor(const Input& input, std::span<const std::int64_t> ids) {
    Column column;
    const auto fill = [&](auto& values) {
      values.assign(ids.size(), input.feed == Feed::kMask ? 1 : 0);
      if (input.feed == Feed::kIds) std::copy(ids.begin(), ids.end(), values.begin());
    };
    input.wide ? fill(column.wide) : fill(column.narrow);
    return column;
  }

  // Refers to `column`'s numbers.
  Result<Owned<OrtValue>> MakeTensor(const Input& input, Column& column, std::size_t count) const {
    const std::int64_t shape[] = {1, static_cast<std::int64_t>(count)};
    void* data = input.wide ? static_cast<void*>(column.wide.data()) : column.narrow.data();
    const std::size_t bytes = count * (input.wide ? sizeof(std::int64_t) : sizeof(std::int32_t));
    const auto type =
        input.wide ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    OrtValue* value = nullptr;
    if (auto made = Try(api_.CreateTensorWithDataAsOrtValue(memory_.get(), data, bytes, shape, 2,
                                                            type, &value));
        !made) {
      return std::unexpected(made.error());
    }
    return Own(value, api_.ReleaseValue);
  }

  Result<Output> ReadOutput(const Owned<OrtValue>& value, std::size_t tokens) const {
    OrtTensorTypeAndShapeInfo* raw = nullptr;
    if (auto got = Try(api_.GetTensorTypeAndShape(value.get(), &raw)); !got) {
      return std::unexpected(got.error());
    }
    const auto info = Own(raw, api_.ReleaseTensorTypeAndShapeInfo);
    std::size_t rank = 0;
    if (auto got = Try(api_.GetDimensionsCount(raw, &rank)); !got) {
      return std::unexpected(got.error());
    }
    std::vector<std::int64_t> shape(rank);
    if (auto got = Try(api_.GetDimensions(raw, shape.data(), rank)); !got) {
      return std::unexpected(got.error());
    }
    const std::size_t rows = pooled() ? 1 : tokens;
    const bool fits = rank == output_.rank && shape[0] == 1 && shape.back() > 0 &&
                      (pooled() || shape[1] == static_cast<std::int64_t>(tokens));
    if (!fits) return Fail(Code::kCorrupt, "the model's output is not one vector per token");
    float* values = nullptr;
    if (auto got = Try(api_.GetTensorMutableData(value.get(), reinterpret_cast<void**>(&values)));
        !got) {
      return std::unexpected(got.error());
    }
    Output output{.rows = rows, .dimensions = static_cast<std::size_t>(shape.back())};
    output.values.assign(values, values + rows * output.dimensions);
    return output;
  }

  const OrtApi& api_;
  Owned<OrtEnv> env_;
  Owned<OrtSession> session_;
  Owned<OrtMemoryInfo> memory_;
  std::vector<Input> inputs_;
  ModelOutput output_;
};

Result<void> OnnxSession::CheckRuntime(const std::filesystem::path& library) {
  const auto api = LoadApi(library);
  if (!api) return std::unexpected(api.error());
  return {};
}

Result<OnnxSession> OnnxSession::Open(const OnnxSessionOptions& options) {
  const auto api = LoadApi(options.library);
  if (!api) return std::unexpected(api.error());
  auto impl = std::make_unique<Impl>(**api);
  if (auto opened = impl->Open(options); !opened) return std::unexpected(opened.error());
  return OnnxSession(std::move(impl));
}

Result<OnnxSession::Output> OnnxSession::Run(std::span<const std::int64_t> ids) const {
  return impl_->Run(ids);
}

bool OnnxSession::pooled() const {
  return impl_->pooled();
}

#else  // built without ONNX Runtime's headers

class OnnxSession::Impl {};

Result<void> OnnxSession::CheckRuntime(const std::filesystem::path&) {
  return Fail(
      Code::kUnavailable,
      "this reprise was built without ONNX Runtime; run tools/setup --onnx and build again, "
      "or choose another embedder.kind",
      "embedder.kind");
}

Result<OnnxSession> OnnxSession::Open(const OnnxSessionOptions& options) {
  return std::unexpected(CheckRuntime(options.library).error());
}

Result<OnnxSession::Output> OnnxSession::Run(std::span<const std::int64_t>) const {
  return std::unexpected(CheckRuntime({}).error());
}

bool OnnxSession::pooled() const {
  return false;
}

#endif

OnnxSession::OnnxSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OnnxSession::OnnxSession(OnnxSession&&) noexcept = default;
OnnxSession& OnnxSession::operator=(OnnxSession&&) noexcept = default;
OnnxSession::~OnnxSession() = default;

}  // namespace reprise
