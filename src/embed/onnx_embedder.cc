#include "embed/onnx_embedder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "embed/embedded_text.h"
#include "embed/mapped_file.h"
#include "embed/onnx_session.h"
#include "embed/tokenizer.h"

namespace reprise {
namespace {

using nlohmann::json;
using std::filesystem::path;

constexpr std::size_t kMaxOnnxTokens = 512;

struct OnnxFiles {
  path model, tokenizer;
  path root;  // where the files that describe the model are
};

Result<OnnxFiles> FindOnnx(const path& given) {
  std::error_code ignored;
  const auto exists = [&](const path& file) {
    return std::filesystem::is_regular_file(file, ignored);
  };
  for (const path& model : {given, given / "model.onnx", given / "onnx/model.onnx"}) {
    if (!exists(model)) continue;
    for (const path& root : {model.parent_path(), model.parent_path().parent_path()}) {
      if (exists(root / "tokenizer.json")) return OnnxFiles{model, root / "tokenizer.json", root};
    }
    return Fail(Code::kNotFound,
                "no tokenizer.json beside " + model.string() + " or a folder above it",
                "embedder.path");
  }
  return Fail(Code::kNotFound,
              "no model.onnx in " + given.string() +
                  "; embedder.path names the folder of an exported encoder, or its .onnx file",
              "embedder.path");
}

// An object, empty if there is no such file or it is something else.
json ReadObject(const path& file) {
  const auto mapped = MappedFile::Open(file);
  if (!mapped) return json::object();
  json read = json::parse(mapped->bytes(), nullptr, false);
  return read.is_object() ? read : json::object();
}

std::optional<std::size_t> Length(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::size_t>();
}

std::size_t MaxTokens(const OnnxFiles& files, const Tokenizer& tokenizer) {
  std::size_t most = kMaxOnnxTokens;
  for (const auto& limit :
       {tokenizer.truncation(),
        Length(ReadObject(files.root / "sentence_bert_config.json"), "max_seq_length"),
        Length(ReadObject(files.root / "config.json"), "max_position_embeddings")}) {
    if (limit && *limit > 0) most = std::min(most, *limit);
  }
  return most;
}

// As sentence-transformers writes it down; nothing where it did not.
Result<std::optional<OnnxPooling>> PoolingOf(const OnnxFiles& files) {
  const json config = ReadObject(files.root / "1_Pooling/config.json");
  std::optional<OnnxPooling> pooling;
  for (const auto& [key, value] : config.items()) {
    if (!key.starts_with("pooling_mode_") || value != true) continue;
    const bool cls = key == "pooling_mode_cls_token";
    if (pooling || (!cls && key != "pooling_mode_mean_tokens")) {
      return Fail(Code::kInvalidArgument,
                  "the model pools by '" + key +
                      "'; supported are cls and mean: try one of them as "
                      "embedder.pooling",
                  "embedder.pooling");
    }
    pooling = cls ? OnnxPooling::kCls : OnnxPooling::kMean;
  }
  return pooling;
}

Result<std::string> DigestOf(const OnnxFiles& files) {
  std::string digests;
  path data = files.model;
  data += "_data";  // weights of models above 2 GB
  for (const path& file : {files.model, files.tokenizer, data}) {
    const auto mapped = MappedFile::Open(file);
    if (!mapped && file == data) continue;
    if (!mapped) return std::unexpected(mapped.error());
    digests += Sha256(mapped->bytes()).Hex();
  }
  return Sha256(digests).Hex().substr(0, 16);
}

Embedding Pool(const OnnxSession::Output& output, OnnxPooling pooling) {
  const std::size_t rows = pooling == OnnxPooling::kCls ? 1 : output.rows;
  Embedding sum(output.dimensions, 0.0f);
  for (std::size_t i = 0; i < rows * output.dimensions; ++i) {
    sum[i % output.dimensions] += output.values[i];
  }
  return sum;  // the length does not matter
}

struct Model {
  OnnxSession session;
  Tokenizer tokenizer;
  OnnxPooling pooling;
  std::size_t max_tokens;

  Result<Embedding> Embed(const std::string& text) const {
    const std::vector<TokenId> tokens = tokenizer.EncodeFramed(text, max_tokens);
    if (tokens.empty()) return Fail(Code::kInvalidArgument, "the text has no tokens");
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const auto output = session.Run(ids);
    if (!output) return std::unexpected(output.error());
    return UnitLength(Pool(*output, pooling));
  }
};

class OnnxEmbedder final : public Embedder {
 public:
  OnnxEmbedder(Model model, const std::string& digest, std::size_t dimensions, WorkerPool& workers)
      : model_(std::move(model)), dimensions_(dimensions), workers_(workers) {
    const char* pooling = model_.session.pooled()               ? "pooled"
                          : model_.pooling == OnnxPooling::kCls ? "cls"
                                                                : "mean";
    identity_ = "onnx/" + digest + "/" + pooling + "/" + std::to_string(dimensions);
  }

  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override { return dimensions_; }

  Task<Result<Embedding>> Embed(const Prompt& prompt) override {
    std::string text = EmbeddedText(prompt);
    if (text.empty()) co_return Embedding(dimensions_, 0.0f);
    auto work = [this, text = std::move(text)] { return model_.Embed(text); };
    co_return co_await workers_.Run(std::move(work));
  }

 private:
  const Model model_;
  const std::size_t dimensions_;
  WorkerPool& workers_;
  std::string identity_;
};

}  // namespace

Result<std::unique_ptr<Embedder>> LoadOnnxEmbedder(const OnnxEmbedderOptions& options,
                                                   WorkerPool& workers) {
  if (auto runtime = OnnxSession::CheckRuntime(options.library); !runtime) {
    return std::unexpected(runtime.error());
  }
  const auto files = FindOnnx(options.path);
  if (!files) return std::unexpected(files.error());
  auto tokenizer = Tokenizer::Load(files->tokenizer);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  const bool automatic = options.pooling == OnnxPooling::kAuto;
  const auto own = automatic ? PoolingOf(*files) : options.pooling;
  if (!own) return std::unexpected(own.error());
  const auto named = [&](const Error& error) {
    return Fail(error.code, files->model.string() + ": " + error.message);
  };
  auto session = OnnxSession::Open(
      {.model = files->model, .library = options.library, .sentence_output = automatic});
  if (!session) return named(session.error());
  const std::size_t max_tokens = MaxTokens(*files, *tokenizer);
  Model model{std::move(*session), std::move(*tokenizer), own->value_or(OnnxPooling::kMean),
              max_tokens};
  const auto probe = model.Embed("a");
  if (!probe) return named(probe.error());
  const auto digest = DigestOf(*files);
  if (!digest) return std::unexpected(digest.error());
  return std::make_unique<OnnxEmbedder>(std::move(model), *digest, probe->size(), workers);
}

}  // namespace reprise
