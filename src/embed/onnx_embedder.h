// BERT-family sentence encoders (bge, MiniLM, e5, ...) on ONNX Runtime, in this process.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/worker_pool.h"
#include "embed/embedder.h"

namespace reprise {

enum class OnnxPooling {
  kAuto,  // the model's own pooled output, what 1_Pooling/config.json says, or the mean
  kCls,   // the first token's vector
  kMean,  // the mean over all tokens
};

struct OnnxEmbedderOptions {
  // A folder with model.onnx or onnx/model.onnx, or an .onnx file; tokenizer.json beside it or a
  // folder up.
  std::filesystem::path path;
  std::filesystem::path library;  // see OnnxSessionOptions
  OnnxPooling pooling = OnnxPooling::kAuto;
};

// Reads the model and embeds a word with it, so what is wrong shows at once. Texts are cut to what
// the model takes, 512 tokens at most. Embed runs on `workers`, which outlive the embedder; one
// text at a time on each thread. The identity is the digest of the files, the pooling and the
// dimensions.
Result<std::unique_ptr<Embedder>> LoadOnnxEmbedder(const OnnxEmbedderOptions& options,
                                                   WorkerPool& workers);

}  // namespace reprise
