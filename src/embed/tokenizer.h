// Text to the token ids a model was trained on, as a tokenizer.json of Hugging Face's `tokenizers`
// describes it: added tokens, normalizer, pre-tokenizer, model (WordPiece, WordLevel or Unigram)
// and post-processor. Immutable once made; safe for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reprise {

using TokenId = std::uint32_t;

class Tokenizer {
 public:
  // kNotFound: no such file; kCorrupt: not a tokenizer.json; kInvalidArgument: one of a kind that
  // is not supported, named in the message.
  static Result<Tokenizer> Load(const std::filesystem::path& file);
  static Result<Tokenizer> Parse(std::string_view json);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // The ids of `text` (UTF-8) without what the post-processor adds.
  std::vector<TokenId> Encode(std::string_view text) const;

  // With what it adds, [CLS] and [SEP]; the text's ids are cut so that at most `max_tokens` remain.
  std::vector<TokenId> EncodeFramed(std::string_view text, std::size_t max_tokens) const;

  // What unknown words become.
  std::optional<TokenId> unknown() const;
  // The largest id there is.
  TokenId max_id() const;
  // The length the file truncates to, if it says so.
  std::optional<std::size_t> truncation() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace reprise
