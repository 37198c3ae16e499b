// A table of one vector per token, summed: model2vec's file format. Tens of microseconds a text.
//
// The folder has model.safetensors and tokenizer.json, also as sentence-transformers lays them out.
// Tensor `embeddings` (or `embedding.weight`): [rows, dimensions] of F64, F32, F16, BF16 or I8.
// Newer models also have `mapping` (token id to row) and `weights` (per token id). The mean over
// tokens and `normalize` in config.json change a vector's length only, and here all have unit
// length.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "embed/embedder.h"

namespace reprise {

// Reads and checks the folder; the table stays mapped. The identity is the files' digest, so it
// does not depend on where they lie. Never suspends. A text of which the model knows no token is
// all zero: it has no neighbours. kNotFound, kCorrupt, or kInvalidArgument for a tokenizer or a
// dtype that is not supported.
Result<std::unique_ptr<Embedder>> LoadStaticEmbedder(const std::filesystem::path& folder);

}  // namespace reprise
