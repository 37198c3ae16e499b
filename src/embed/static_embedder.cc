#include "embed/static_embedder.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "embed/embedded_text.h"
#include "embed/mapped_file.h"
#include "embed/safetensors.h"
#include "embed/tokenizer.h"

namespace reprise {
namespace {

constexpr std::size_t kMaxStaticTokens = 512;  // model2vec's own limit

// Every number in it was checked against the tokenizer.
struct Table {
  Tensor embeddings;
  std::vector<std::size_t> mapping;  // row of a token id; empty: the id itself
  std::vector<float> weights;        // of a token id; empty: 1

  std::size_t dimensions() const { return embeddings.shape[1]; }
};

Result<Tensor> FindEmbeddings(const SafeTensors& tensors) {
  const Tensor* found = tensors.Find("embeddings");
  if (!found) found = tensors.Find("embedding.weight");
  if (!found) {
    return Fail(Code::kCorrupt, "it has no tensor 'embeddings', only: " + tensors.Names());
  }
  const bool integer = found->dtype == DType::kI32 || found->dtype == DType::kI64;
  if (found->dtype == DType::kOther || integer) {
    return Fail(Code::kInvalidArgument, "its embeddings are " + found->dtype_name +
                                            "; supported are F64, F32, F16, BF16 and I8");
  }
  if (found->shape.size() != 2 || found->elements() == 0) {
    return Fail(Code::kCorrupt, "its embeddings are no table of rows and dimensions");
  }
  return *found;
}

// One number for each token id.
Result<const Tensor*> FindPerToken(const SafeTensors& tensors, const char* name, TokenId max_id) {
  const Tensor* found = tensors.Find(name);
  if (!found) return nullptr;
  if (found->dtype == DType::kOther || found->elements() <= max_id) {
    return Fail(Code::kCorrupt, std::string("its tensor '") + name + "' has " +
                                    std::to_string(found->elements()) + " numbers of " +
                                    found->dtype_name + " for token ids up to " +
                                    std::to_string(max_id));
  }
  return found;
}

Result<void> ReadMapping(const Tensor& tensor, std::size_t rows, Table& table) {
  table.mapping.resize(tensor.elements());
  for (std::size_t id = 0; id < table.mapping.size(); ++id) {
    const double row = tensor.At(id);
    if (!(row >= 0 && row < static_cast<double>(rows)) || row != std::floor(row)) {
      return Fail(Code::kCorrupt, "it maps token " + std::to_string(id) + " to row " +
                                      std::to_string(row) + " of " + std::to_string(rows));
    }
    table.mapping[id] = static_cast<std::size_t>(row);
  }
  return {};
}

Result<Table> ReadTable(const SafeTensors& tensors, TokenId max_id) {
  auto embeddings = FindEmbeddings(tensors);
  if (!embeddings) return std::unexpected(embeddings.error());
  const auto mapping = FindPerToken(tensors, "mapping", max_id);
  if (!mapping) return std::unexpected(mapping.error());
  const auto weights = FindPerToken(tensors, "weights", max_id);
  if (!weights) return std::unexpected(weights.error());
  Table table{.embeddings = std::move(*embeddings)};
  const std::size_t rows = table.embeddings.shape[0];
  if (!*mapping && rows <= max_id) {
    return Fail(Code::kCorrupt, "its " + std::to_string(rows) +
                                    " rows do not reach the tokenizer's id " +
                                    std::to_string(max_id));
  }
  if (*mapping) {
    if (auto read = ReadMapping(**mapping, rows, table); !read) {
      return std::unexpected(read.error());
    }
  }
  for (std::size_t id = 0; *weights && id < (*weights)->elements(); ++id) {
    table.weights.push_back(static_cast<float>((*weights)->At(id)));
  }
  return table;
}

class StaticEmbedder final : public Embedder {
 public:
  StaticEmbedder(MappedFile file, Table table, Tokenizer tokenizer, const std::string& digest)
      : file_(std::move(file)),
        table_(std::move(table)),
        tokenizer_(std::move(tokenizer)),
        identity_("static/" + digest + "/" + std::to_string(table_.dimensions())) {}

  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override { return table_.dimensions(); }

  Task<Result<Embedding>> Embed(const Prompt& prompt) override {
    co_return EmbedText(EmbeddedText(prompt));
  }

 private:
  Result<Embedding> EmbedText(const std::string& text) const {
    Embedding sum(dimensions(), 0.0f);
    std::size_t tokens = 0;
    for (TokenId id : tokenizer_.Encode(text)) {
      if (id == tokenizer_.unknown()) continue;
      if (tokens++ == kMaxStaticTokens) break;
      const std::size_t row = table_.mapping.empty() ? id : table_.mapping[id];
      const float weight = table_.weights.empty() ? 1 : table_.weights[id];
      table_.embeddings.AddTo(row * dimensions(), dimensions(), weight, sum.data());
    }
    const bool blank = std::all_of(sum.begin(), sum.end(), [](float x) { return x == 0; });
    if (blank) return sum;
    auto unit = UnitLength(std::move(sum));
    if (!unit) return Fail(Code::kCorrupt, "the static table: " + unit.error().message);
    return unit;
  }

  const MappedFile file_;
  const Table table_;
  const Tokenizer tokenizer_;
  const std::string identity_;
};

struct Model2VecFiles {
  std::filesystem::path model, tokenizer;
};

Result<Model2VecFiles> FindModel2Vec(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& inner : {folder, folder / "0_StaticEmbedding"}) {
    Model2VecFiles files{inner / "model.safetensors", inner / "tokenizer.json"};
    if (std::filesystem::exists(files.model, ignored)) return files;
  }
  return Fail(Code::kNotFound,
              "no model.safetensors in " + folder.string() +
                  "; embedder.path names the folder of a model2vec model",
              "embedder.path");
}

// Of the bytes that decide on a vector, in 16 hexadecimal digits.
std::string DigestOf(std::string_view model, std::string_view tokenizer) {
  return Sha256(Sha256(model).Hex() + Sha256(tokenizer).Hex()).Hex().substr(0, 16);
}

}  // namespace

Result<std::unique_ptr<Embedder>> LoadStaticEmbedder(const std::filesystem::path& folder) {
  const auto files = FindModel2Vec(folder);
  if (!files) return std::unexpected(files.error());
  auto tokenizer = Tokenizer::Load(files->tokenizer);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  const auto tokenizer_bytes = MappedFile::Open(files->tokenizer);
  if (!tokenizer_bytes) return std::unexpected(tokenizer_bytes.error());
  auto file = MappedFile::Open(files->model);
  if (!file) return std::unexpected(file.error());
  const auto named = [&](const Error& error) {
    return Fail(error.code, files->model.string() + ": " + error.message);
  };
  const auto tensors = SafeTensors::Parse(file->bytes());
  if (!tensors) return named(tensors.error());
  auto table = ReadTable(*tensors, tokenizer->max_id());
  if (!table) return named(table.error());
  const std::string digest = DigestOf(file->bytes(), tokenizer_bytes->bytes());
  return std::make_unique<StaticEmbedder>(std::move(*file), std::move(*table),
                                          std::move(*tokenizer), digest);
}

}  // namespace reprise
