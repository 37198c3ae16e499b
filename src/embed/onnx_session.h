// One ONNX model on ONNX Runtime's CPU provider, as a function from token ids to vectors.
//
// The runtime is an optional library: loaded with dlopen when a model is opened, so the program
// runs without it. Its C API is stable; any version from 1.11 on will do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace reprise {

struct OnnxSessionOptions {
  std::filesystem::path model;
  std::filesystem::path library;  // libonnxruntime.so; empty: where the build found it, the
                                  // program's folder, then where the system looks
  bool sentence_output = false;   // take a pooled output, if the model has one
};

class OnnxSession {
 public:
  // Whether the program was built with it and the library can be loaded. kUnavailable: not, and how
  // to get it.
  static Result<void> CheckRuntime(const std::filesystem::path& library);

  // Takes as long as reading the model. kCorrupt: not a model, kInvalidArgument: one that wants
  // other inputs than a BERT-family encoder's or gives no float32 vectors.
  static Result<OnnxSession> Open(const OnnxSessionOptions& options);

  OnnxSession(OnnxSession&&) noexcept;
  OnnxSession& operator=(OnnxSession&&) noexcept;
  ~OnnxSession();

  struct Output {
    std::size_t rows = 0;  // one a token, or 1 where the model pools by itself
    std::size_t dimensions = 0;
    std::vector<float> values;  // row-major
  };
  // Milliseconds on the calling thread, which does all the work. Safe for any thread.
  Result<Output> Run(std::span<const std::int64_t> ids) const;

  // Whether the output is pooled already.
  bool pooled() const;

 private:
  class Impl;
  explicit OnnxSession(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace reprise
