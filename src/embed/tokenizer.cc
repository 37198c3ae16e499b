#include "embed/tokenizer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "embed/mapped_file.h"
#include "embed/tokenizer_parts.h"
#include "prompt/text.h"

namespace reprise {

std::size_t WholeNumber(const nlohmann::json& value, std::size_t most) {
  if (!value.is_number_unsigned() || value.get<std::size_t>() > most) {
    throw nlohmann::json::type_error::create(302, value.dump() + " is no such number", &value);
  }
  return value.get<std::size_t>();
}

namespace {

TokenId Id(const nlohmann::json& value) {
  return static_cast<TokenId>(WholeNumber(value, std::numeric_limits<TokenId>::max()));
}

using nlohmann::json;

struct AddedToken {
  std::string text;
  TokenId id = 0;
  bool normalized = false;  // looked for after normalisation, in its normalised form
  bool single_word = false;
  bool strips_left = false, strips_right = false;
};

// A stretch of a text: an added token's id, or text between them.
struct Stretch {
  std::string text;
  std::optional<TokenId> id;
};

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

// Added tokens in a text, the leftmost and then the longest first.
class AddedTokens {
 public:
  void Add(AddedToken token) {
    auto& bucket = by_first_byte_[static_cast<unsigned char>(token.text.front())];
    const auto place = std::find_if(bucket.begin(), bucket.end(), [&](const AddedToken& other) {
      return other.text.size() < token.text.size();
    });
    bucket.insert(place, std::move(token));
  }

  std::vector<Stretch> Split(const std::string& text) const {
    std::vector<Stretch> stretches;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const AddedToken* token = FindAt(text, at);
      if (!token) {
        ++at;
        continue;
      }
      std::size_t left = at, right = at + token->text.size();
      while (token->strips_left && left > begin && text[left - 1] == ' ') --left;
      while (token->strips_right && right < text.size() && text[right] == ' ') ++right;
      if (left > begin) stretches.push_back({text.substr(begin, left - begin), {}});
      stretches.push_back({"", token->id});
      begin = at = right;
    }
    if (begin < text.size()) stretches.push_back({text.substr(begin), {}});
    return stretches;
  }

 private:
  const AddedToken* FindAt(const std::string& text, std::size_t at) const {
    for (const AddedToken& token : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      if (text.compare(at, token.text.size(), token.text) != 0) continue;
      const std::size_t end = at + token.text.size();
      const bool inside_word =
          (at > 0 && IsWordByte(text[at - 1])) || (end < text.size() && IsWordByte(text[end]));
      if (!token.single_word || !inside_word) return &token;
    }
    return nullptr;
  }

  std::array<std::vector<AddedToken>, 256> by_first_byte_;
};

// What surrounds the ids of a single text.
struct Frame {
  std::vector<TokenId> before, after;
};

Result<Frame> ReadTemplate(const json& processor) {
  Frame frame;
  std::vector<TokenId>* side = &frame.before;
  for (const json& item : processor.at("single")) {
    if (item.contains("Sequence")) {
      side = &frame.after;
      continue;
    }
    const std::string name = item.at("SpecialToken").at("id").get<std::string>();
    for (const json& id : processor.at("special_tokens").at(name).at("ids")) {
      side->push_back(Id(id));
    }
  }
  return frame;
}

Result<Frame> ReadFrame(const json& processor) {
  if (processor.is_null()) return Frame{};
  const std::string type = processor.at("type").get<std::string>();
  if (type == "TemplateProcessing") return ReadTemplate(processor);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return Frame{{Id(processor.at("cls").at(1))}, {Id(processor.at("sep").at(1))}};
  }
  return UnsupportedTokenizer("post-processor", type,
                              "TemplateProcessing, BertProcessing and RobertaProcessing");
}

const json& MemberOrNull(const json& object, const char* key) {
  static const json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

}  // namespace

std::unexpected<Error> UnsupportedTokenizer(std::string_view part, std::string_view type,
                                            std::string_view supported) {
  return Fail(Code::kInvalidArgument, "its " + std::string(part) + " is of the type '" +
                                          std::string(type) + "'; supported are " +
                                          std::string(supported));
}

struct Tokenizer::Parts {
  Normalizer normalize;
  PreTokenizer pre_tokenize;
  std::unique_ptr<TokenModel> model;
  AddedTokens raw, normalized;  // by where they are looked for
  Frame frame;
  std::optional<std::size_t> truncation;
  TokenId max_id = 0;

  static Result<std::unique_ptr<Parts>> Read(const json& file) {
    auto parts = std::make_unique<Parts>();
    auto normalizer = MakeNormalizer(MemberOrNull(file, "normalizer"));
    if (!normalizer) return std::unexpected(normalizer.error());
    auto pre_tokenizer = MakePreTokenizer(MemberOrNull(file, "pre_tokenizer"));
    if (!pre_tokenizer) return std::unexpected(pre_tokenizer.error());
    auto model = MakeTokenModel(file.at("model"));
    if (!model) return std::unexpected(model.error());
    auto frame = ReadFrame(MemberOrNull(file, "post_processor"));
    if (!frame) return std::unexpected(frame.error());
    parts->normalize = std::move(*normalizer);
    parts->pre_tokenize = std::move(*pre_tokenizer);
    parts->model = std::move(*model);
    parts->frame = std::move(*frame);
    parts->max_id = parts->model->max_id();
    if (auto read = parts->ReadAddedTokens(MemberOrNull(file, "added_tokens")); !read) {
      return std::unexpected(read.error());
    }
    if (const json& cut = MemberOrNull(file, "truncation"); cut.is_object()) {
      parts->truncation = WholeNumber(cut.at("max_length"));
    }
    return parts;
  }

  Result<void> ReadAddedTokens(const json& list) {
    for (const json& entry : list) {
      AddedToken token{.text = entry.at("content").get<std::string>(),
                       .id = Id(entry.at("id")),
                       .normalized = entry.value("normalized", true),
                       .single_word = entry.value("single_word", false),
                       .strips_left = entry.value("lstrip", false),
                       .strips_right = entry.value("rstrip", false)};
      if (const json& id = entry.at("id"); !id.is_number_unsigned() || id != token.id) {
        return Fail(Code::kCorrupt, "the id of '" + token.text + "' is " + id.dump());
      }
      max_id = std::max(max_id, token.id);
      if (token.normalized) normalize(token.text);
      if (!token.text.empty()) (token.normalized ? normalized : raw).Add(std::move(token));
    }
    return {};
  }

  void EncodeText(const std::string& text, bool first, std::vector<TokenId>& ids) const {
    std::vector<std::string> words = {text};
    pre_tokenize(words, first);
    for (const std::string& word : words) model->Encode(word, ids);
  }

  std::vector<TokenId> Encode(const std::string& text) const {
    std::vector<TokenId> ids;
    bool first = true;
    for (Stretch& outer : raw.Split(text)) {
      if (!outer.id) normalize(outer.text);
      const std::vector<Stretch> inner =
          outer.id ? std::vector<Stretch>{outer} : normalized.Split(outer.text);
      for (const Stretch& stretch : inner) {
        if (stretch.id) {
          ids.push_back(*stretch.id);
        } else {
          EncodeText(stretch.text, first, ids);
        }
        first = false;
      }
    }
    return ids;
  }
};

Tokenizer::Tokenizer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::Load(const std::filesystem::path& file) {
  auto mapped = MappedFile::Open(file);
  if (!mapped) return std::unexpected(mapped.error());
  auto tokenizer = Parse(mapped->bytes());
  if (!tokenizer) {
    return Fail(tokenizer.error().code, file.string() + ": " + tokenizer.error().message);
  }
  return tokenizer;
}

Result<Tokenizer> Tokenizer::Parse(std::string_view text) {
  try {
    auto parts = Parts::Read(json::parse(text));
    if (!parts) return std::unexpected(parts.error());
    return Tokenizer(std::move(*parts));
  } catch (const json::exception& error) {
    return Fail(Code::kCorrupt, std::string("not a tokenizer.json: ") + error.what());
  }
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text) const {
  return parts_->Encode(std::string(text));
}

std::vector<TokenId> Tokenizer::EncodeFramed(std::string_view text, std::size_t max_tokens) const {
  const Frame& frame = parts_->frame;
  std::vector<TokenId> ids = frame.before;
  const std::vector<TokenId> inner = Encode(text);
  const std::size_t around = frame.before.size() + frame.after.size();
  const std::size_t room = max_tokens > around ? max_tokens - around : 0;
  ids.insert(ids.end(), inner.begin(), inner.begin() + std::min(room, inner.size()));
  ids.insert(ids.end(), frame.after.begin(), frame.after.end());
  return ids;
}

std::optional<TokenId> Tokenizer::unknown() const {
  return parts_->model->unknown();
}
TokenId Tokenizer::max_id() const {
  return parts_->max_id;
}
std::optional<std::size_t> Tokenizer::truncation() const {
  return parts_->truncation;
}

}  // namespace reprise
