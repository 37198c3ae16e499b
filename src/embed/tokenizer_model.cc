#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "embed/tokenizer_parts.h"
#include "prompt/text.h"

namespace reprise {
namespace {

using nlohmann::json;

// Far beyond any vocabulary; a larger one is a damaged file.
constexpr std::size_t kMaxVocabulary = 10'000'000;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using Vocabulary = std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>>;

std::unexpected<Error> DamagedVocabulary(const std::string& what) {
  return Fail(Code::kCorrupt, "the vocabulary is damaged: " + what);
}

Result<Vocabulary> ReadVocabulary(const json& object) {
  if (!object.is_object() || object.empty()) return DamagedVocabulary("it is no object of tokens");
  Vocabulary vocabulary;
  vocabulary.reserve(object.size());
  for (const auto& [token, id] : object.items()) {
    if (!id.is_number_unsigned() || id.get<std::size_t>() >= kMaxVocabulary) {
      return DamagedVocabulary("the id of '" + token + "' is " + id.dump());
    }
    vocabulary.emplace(token, id.get<TokenId>());
  }
  return vocabulary;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// ---- models that look whole words up ----

class TableModel : public TokenModel {
 public:
  TableModel(Vocabulary vocabulary, const std::string& unknown)
      : vocabulary_(std::move(vocabulary)) {
    unknown_ = Find(unknown);
    for (const auto& [token, id] : vocabulary_) max_id_ = std::max(max_id_, id);
  }

  std::optional<TokenId> Find(std::string_view token) const override {
    const auto found = vocabulary_.find(token);
    if (found == vocabulary_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<TokenId> unknown() const override { return unknown_; }
  TokenId max_id() const override { return max_id_; }

 protected:
  void AddUnknown(std::vector<TokenId>& ids) const {
    if (unknown_) ids.push_back(*unknown_);
  }

 private:
  Vocabulary vocabulary_;
  std::optional<TokenId> unknown_;
  TokenId max_id_ = 0;
};

class WordLevel final : public TableModel {
 public:
  using TableModel::TableModel;
  void Encode(std::string_view word, std::vector<TokenId>& ids) const override {
    if (const auto id = Find(word)) {
      ids.push_back(*id);
    } else {
      AddUnknown(ids);
    }
  }
};

// The longest piece first; a word of which any part is unknown is unknown (Wu et al. 2016).
class WordPiece final : public TableModel {
 public:
  WordPiece(Vocabulary vocabulary, const std::string& unknown, std::string prefix,
            std::size_t max_characters)
      : TableModel(std::move(vocabulary), unknown),
        prefix_(std::move(prefix)),
        max_characters_(max_characters) {}

  void Encode(std::string_view word, std::vector<TokenId>& ids) const override {
    const std::size_t before = ids.size();
    if (CountCharacters(word) > max_characters_ || !EncodePieces(word, ids)) {
      ids.resize(before);
      AddUnknown(ids);
    }
  }

 private:
  bool EncodePieces(std::string_view word, std::vector<TokenId>& ids) const {
    for (std::size_t begin = 0; begin < word.size();) {
      std::size_t end = word.size();
      std::optional<TokenId> id = FindPiece(word, begin, end);
      while (!id && end > begin) {
        do {  // one character less
          --end;
        } while (end > begin && (static_cast<unsigned char>(word[end]) & 0xc0) == 0x80);
        if (end > begin) id = FindPiece(word, begin, end);
      }
      if (!id) return false;
      ids.push_back(*id);
      begin = end;
    }
    return true;
  }

  std::optional<TokenId> FindPiece(std::string_view word, std::size_t begin,
                                   std::size_t end) const {
    if (begin == 0) return Find(word.substr(0, end));
    return Find(prefix_ + std::string(word.substr(begin, end - begin)));
  }

  const std::string prefix_;
  const std::size_t max_characters_;
};

// ---- Unigram ----

struct Piece {
  std::string text;
  double score = 0;
};

// Every piece that begins at a place of a text, by walking one node per byte. The children of a
// node are neighbours, in the order of their bytes.
class PieceTrie {
 public:
  explicit PieceTrie(const std::vector<Piece>& pieces) {
    std::vector<TokenId> order(pieces.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<TokenId>(i);
    std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
      return std::tie(pieces[a].text, a) < std::tie(pieces[b].text, b);
    });
    nodes_.push_back({});
    // Breadth first, so that siblings are made together.
    std::vector<Range> ranges = {{0, order.size(), 0}};
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
      AddChildren(pieces, order, node, ranges);
    }
  }

  // Calls visit(length in bytes, id) for each, the shortest first.
  template <class Visit>
  void ForEachPrefix(std::string_view text, Visit visit) const {
    std::size_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto first = nodes_.begin() + nodes_[node].first_child;
      const auto last = first + nodes_[node].children;
      const auto byte = static_cast<unsigned char>(text[i]);
      const auto child = std::lower_bound(
          first, last, byte, [](const Node& n, unsigned char b) { return n.byte < b; });
      if (child == last || child->byte != byte) return;
      node = static_cast<std::size_t>(child - nodes_.begin());
      if (child->id >= 0) visit(i + 1, static_cast<TokenId>(child->id));
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t children = 0;
    unsigned char byte = 0;
    std::int32_t id = -1;
  };
  struct Range {
    std::size_t begin, end, depth;  // of the sorted pieces that pass a node
  };

  void AddChildren(const std::vector<Piece>& pieces, const std::vector<TokenId>& order,
                   std::size_t node, std::vector<Range>& ranges) {
    auto [begin, end, depth] = ranges[node];
    while (begin < end && pieces[order[begin]].text.size() == depth) {
      nodes_[node].id = static_cast<std::int32_t>(order[begin++]);  // of equal ones the last counts
    }
    if (depth == 0) nodes_[node].id = -1;  // an empty piece is none
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = pieces[order[begin]].text[depth];
      std::size_t next = begin + 1;
      while (next < end && pieces[order[next]].text[depth] == byte) ++next;
      nodes_.push_back({.byte = static_cast<unsigned char>(byte)});
      ranges.push_back({begin, next, depth + 1});
      ++nodes_[node].children;
      begin = next;
    }
  }

  std::vector<Node> nodes_;
};

// The segmentation with the best sum of scores, by Viterbi (Kudo 2018). What no piece covers is
// unknown, at a penalty; neighbouring unknowns are one.
class Unigram final : public TokenModel {
 public:
  Unigram(std::vector<Piece> pieces, std::optional<TokenId> unknown, bool byte_fallback)
      : pieces_(std::move(pieces)), trie_(pieces_), unknown_(unknown) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      ids_[pieces_[i].text] = static_cast<TokenId>(i);
      least = std::min(least, pieces_[i].score);
    }
    unknown_score_ = least - 10;
    if (byte_fallback) FindByteTokens();
  }

  void Encode(std::string_view word, std::vector<TokenId>& ids) const override {
    std::vector<Step> steps(word.size() + 1);
    for (std::size_t at = 0; at < word.size();) at = Extend(word, at, steps);
    std::vector<Step> path;
    for (std::size_t end = word.size(); end > 0; end = steps[end].begin) {
      path.push_back({steps[end].begin, end, 0, steps[end].id});
    }
    std::reverse(path.begin(), path.end());
    bool after_unknown = false;
    for (const Step& step : path) {
      if (step.id) ids.push_back(*step.id);
      if (!step.id) AddUnknown(word.substr(step.begin, step.end - step.begin), after_unknown, ids);
      after_unknown = !step.id;
    }
  }

  std::optional<TokenId> Find(std::string_view token) const override {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<TokenId> unknown() const override { return unknown_; }
  TokenId max_id() const override { return static_cast<TokenId>(pieces_.size() - 1); }

 private:
  // The best way to reach the end of a prefix. No id: through an unknown character.
  struct Step {
    std::size_t begin = std::string_view::npos;
    std::size_t end = 0;
    double score = 0;
    std::optional<TokenId> id;
  };

  // Continues the best path to `at` by every piece there; gives the next character's place.
  std::size_t Extend(std::string_view word, std::size_t at, std::vector<Step>& steps) const {
    const double here = steps[at].score;
    const auto offer = [&](std::size_t end, double score, std::optional<TokenId> id) {
      if (steps[end].begin == std::string_view::npos || score > steps[end].score) {
        steps[end] = {at, end, score, id};
      }
    };
    std::size_t next = at;
    NextCodePoint(word, next);
    bool covered = false;
    trie_.ForEachPrefix(word.substr(at), [&](std::size_t length, TokenId id) {
      // "<unk>" written out is as unknown as what it stands for.
      const auto known = id == unknown_ ? std::nullopt : std::optional(id);
      offer(at + length, here + pieces_[id].score, known);
      covered = covered || at + length == next;
    });
    if (!covered) offer(next, here + unknown_score_, std::nullopt);
    return next;
  }

  void AddUnknown(std::string_view text, bool after_unknown, std::vector<TokenId>& ids) const {
    if (!byte_tokens_.empty()) {
      for (unsigned char byte : text) ids.push_back(byte_tokens_[byte]);
    } else if (unknown_ && !after_unknown) {
      ids.push_back(*unknown_);
    }
  }

  void FindByteTokens() {
    for (int byte = 0; byte < 256; ++byte) {
      char name[8];
      std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
      const auto id = Find(name);
      if (!id) return byte_tokens_.clear();
      byte_tokens_.push_back(*id);
    }
  }

  const std::vector<Piece> pieces_;
  const PieceTrie trie_;
  std::optional<TokenId> unknown_;
  Vocabulary ids_;
  double unknown_score_ = 0;
  std::vector<TokenId> byte_tokens_;  // all 256, or none
};

Result<std::unique_ptr<TokenModel>> MakeUnigram(const json& model) {
  const json& vocab = model.at("vocab");
  if (!vocab.is_array() || vocab.empty() || vocab.size() > kMaxVocabulary) {
    return DamagedVocabulary("it is no list of pieces with scores");
  }
  std::vector<Piece> pieces;
  pieces.reserve(vocab.size());
  for (const json& entry : vocab) {
    pieces.push_back({entry.at(0).get<std::string>(), entry.at(1).get<double>()});
    // A trie node a byte: text of megabytes is no piece.
    if (pieces.back().text.size() > 1024)
      return DamagedVocabulary("a piece is longer than 1024 bytes");
  }
  std::optional<TokenId> unknown;
  if (const auto id = model.find("unk_id"); id != model.end() && !id->is_null()) {
    if (!id->is_number_unsigned() || id->get<std::size_t>() >= pieces.size()) {
      return DamagedVocabulary("unk_id is " + id->dump() + " of " + std::to_string(pieces.size()));
    }
    unknown = id->get<TokenId>();
  }
  return std::make_unique<Unigram>(std::move(pieces), unknown, model.value("byte_fallback", false));
}

// Old files do not name the type.
std::string TypeOf(const json& model) {
  if (model.contains("type")) return model.at("type").get<std::string>();
  if (model.contains("continuing_subword_prefix") && !model.contains("merges")) return "WordPiece";
  return model.at("vocab").is_array() ? "Unigram" : "BPE";
}

}  // namespace

Result<std::unique_ptr<TokenModel>> MakeTokenModel(const json& model) {
  const std::string type = TypeOf(model);
  if (type == "Unigram") return MakeUnigram(model);
  if (type != "WordPiece" && type != "WordLevel") {
    return UnsupportedTokenizer("model", type, "WordPiece, WordLevel and Unigram");
  }
  auto vocabulary = ReadVocabulary(model.at("vocab"));
  if (!vocabulary) return std::unexpected(vocabulary.error());
  const std::string unknown = model.value("unk_token", "[UNK]");
  if (type == "WordLevel") return std::make_unique<WordLevel>(std::move(*vocabulary), unknown);
  const auto longest = model.find("max_input_chars_per_word");
  return std::make_unique<WordPiece>(std::move(*vocabulary), unknown,
                                     model.value("continuing_subword_prefix", "##"),
                                     longest == model.end() ? 100 : WholeNumber(*longest));
}

}  // namespace reprise
