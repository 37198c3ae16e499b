// Files of embedding models.
#include "embed/safetensors.h"
#include "embed/tokenizer.h"
#include "targets.h"

namespace reprise::fuzz {

void Tensors(std::string_view bytes) {
  const auto tensors = SafeTensors::Parse(bytes);
  if (!tensors) return;
  (void)tensors->Names();
  const Tensor* const tensor = tensors->Find("t");
  if (!tensor || tensor->dtype == DType::kOther || tensor->elements() == 0) return;
  (void)tensor->At(tensor->elements() - 1);
  float sum[4] = {};
  if (tensor->elements() >= 4) tensor->AddTo(tensor->elements() - 4, 4, 1, sum);
}

// The file, a zero byte, and a text for it.
void Tokenizers(std::string_view bytes) {
  const auto end = bytes.find('\0');
  const auto tokenizer = Tokenizer::Parse(bytes.substr(0, end));
  if (!tokenizer) return;
  const std::string_view text =
      end == std::string_view::npos ? "A red fox." : bytes.substr(end + 1);
  for (const TokenId id : tokenizer->Encode(text)) {
    Promise(id <= tokenizer->max_id(), "every id has its row");
  }
  Promise(tokenizer->EncodeFramed(text, 8).size() <= 8 + 16, "what frames a text is short");
}

}  // namespace reprise::fuzz
