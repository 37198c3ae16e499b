// The steps of a tokenizer, each made from its object in tokenizer.json. Internal to the tokenizer.
// The steps are pure and safe for any thread. Making one throws nlohmann's exceptions for members
// that are missing or of a wrong type.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embed/tokenizer.h"

namespace reprise {

// A whole number up to `most`, as a tokenizer's file has it. Throws json::type_error for anything
// else: the library converts every number it is given, also one that does not fit.
std::size_t WholeNumber(const nlohmann::json& value,
                        std::size_t most = std::numeric_limits<std::size_t>::max());

// kInvalidArgument: "this tokenizer's normalizer is of the type 'X', ... ".
std::unexpected<Error> UnsupportedTokenizer(std::string_view part, std::string_view type,
                                            std::string_view supported);

// Changes UTF-8 text in place.
using Normalizer = std::function<void(std::string&)>;
// `normalizer` may be null.
Result<Normalizer> MakeNormalizer(const nlohmann::json& normalizer);

// Cuts every piece of the list into words. `first`: the list begins where the whole text does.
using PreTokenizer = std::function<void(std::vector<std::string>&, bool first)>;
Result<PreTokenizer> MakePreTokenizer(const nlohmann::json& pre_tokenizer);

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the ids of one word.
  virtual void Encode(std::string_view word, std::vector<TokenId>& ids) const = 0;
  virtual std::optional<TokenId> Find(std::string_view token) const = 0;
  virtual std::optional<TokenId> unknown() const = 0;
  virtual TokenId max_id() const = 0;
};
Result<std::unique_ptr<TokenModel>> MakeTokenModel(const nlohmann::json& model);

}  // namespace reprise
