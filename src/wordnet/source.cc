#include "wordnet/source.h"

#include <array>
#include <charconv>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <utility>

namespace reprise {
namespace {

struct FileKind {
  std::string_view name;
  PartOfSpeech pos;
};
constexpr std::array<FileKind, 4> kKinds = {{{"noun", PartOfSpeech::kNoun},
                                             {"verb", PartOfSpeech::kVerb},
                                             {"adj", PartOfSpeech::kAdjective},
                                             {"adv", PartOfSpeech::kAdverb}}};

// A word as the index files have it: lower case, spaces, without the "(p)" of adjectives.
std::string CleanWord(std::string_view word) {
  word = word.substr(0, word.find('('));
  std::string clean(word);
  for (char& c : clean) {
    if (c == '_') c = ' ';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return clean;
}

PartOfSpeech PosOf(char letter) {
  switch (letter) {
    case 'n':
      return PartOfSpeech::kNoun;
    case 'v':
      return PartOfSpeech::kVerb;
    case 'r':
      return PartOfSpeech::kAdverb;
    default:
      return PartOfSpeech::kAdjective;  // "a", and "s" for satellites
  }
}

// The fields of one line, parted by spaces. A field that is missing or no number is a nullopt, and
// fails the line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  std::optional<std::string_view> Text() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    if (rest_.empty()) return std::nullopt;
    const std::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    return field;
  }

  std::optional<std::uint32_t> Number(int base = 10) {
    const auto field = Text();
    std::uint32_t value = 0;
    if (!field) return std::nullopt;
    const char* end = field->data() + field->size();
    const auto [at, error] = std::from_chars(field->data(), end, value, base);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

class Reader {
 public:
  explicit Reader(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Result<WordNetSource> Run() {
    for (const FileKind& kind : kKinds) {
      auto done = EachLine("data." + std::string(kind.name),
                           [&](std::string_view line) { return Synset(kind.pos, line); });
      if (!done) return std::unexpected(done.error());
    }
    ResolvePointers();
    for (const FileKind& kind : kKinds) {
      auto done = EachLine("index." + std::string(kind.name),
                           [&](std::string_view line) { return Index(kind.pos, line); });
      if (done) {
        done = EachLine(std::string(kind.name) + ".exc",
                        [&](std::string_view line) { return Exception(kind.pos, line); });
      }
      if (!done) return std::unexpected(done.error());
    }
    auto done = EachLine("cntlist.rev", [&](std::string_view line) { return Count(line); });
    if (!done) return std::unexpected(done.error());
    if (source_.synsets.empty()) {
      return Fail(Code::kInvalidArgument, "no synsets in " + directory_.string());
    }
    return std::move(source_);
  }

 private:
  Result<void> EachLine(const std::string& name,
                        const std::function<bool(std::string_view)>& take) {
    const std::filesystem::path path = directory_ / name;
    std::ifstream file(path);
    if (!file) {
      return Fail(Code::kNotFound, "cannot read " + path.string() +
                                       ": WordNet's files are missing; install wordnet-base");
    }
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.starts_with("  ")) {
        if (name == "data.noun") AddNotice(line);
        continue;
      }
      if (line.empty() || take(line)) continue;
      return Fail(Code::kInvalidArgument,
                  path.string() + ":" + std::to_string(number) + ": not a line of WordNet 3");
    }
    return {};
  }

  // "  12 text"
  void AddNotice(std::string_view line) {
    Fields fields(line);
    fields.Number();
    const std::string_view text = fields.rest();
    source_.notice.append(text.empty() ? text : text.substr(1)).push_back('\n');
  }

  std::uint32_t WordIdOf(const std::string& text) {
    const auto [at, fresh] =
        source_.word_ids.try_emplace(text, static_cast<std::uint32_t>(source_.words.size()));
    if (fresh) source_.words.push_back({text, {}});
    return at->second;
  }

  static std::uint64_t Place(PartOfSpeech pos, std::uint32_t offset) {
    return std::uint64_t{std::to_underlying(pos)} << 32 | offset;
  }

  bool Synset(PartOfSpeech pos, std::string_view line) {
    const std::size_t bar = line.find('|');
    Fields fields(line.substr(0, bar));
    const auto offset = fields.Number(), field = fields.Number();
    const auto type = fields.Text();
    const auto words = fields.Number(16);
    if (!offset || !field || !type || !words) return false;
    SourceSynset synset{.pos = pos, .field = static_cast<std::uint8_t>(*field)};
    for (std::uint32_t i = 0; i < *words; ++i) {
      const auto word = fields.Text(), id = fields.Text();
      if (!word || !id) return false;
      synset.words.push_back(WordIdOf(CleanWord(*word)));
    }
    const auto pointers = fields.Number();
    if (!pointers) return false;
    for (std::uint32_t i = 0; i < *pointers; ++i) {
      if (!AddPointer(fields, synset)) return false;
    }
    if (bar != line.npos) synset.gloss = line.substr(bar + 1);
    by_place_[Place(pos, *offset)] = static_cast<std::uint32_t>(source_.synsets.size());
    source_.synsets.push_back(std::move(synset));
    return true;
  }

  bool AddPointer(Fields& fields, SourceSynset& synset) {
    const auto symbol = fields.Text();
    const auto offset = fields.Number();
    const auto pos = fields.Text();
    const auto words = fields.Number(16);
    if (!symbol || !offset || !pos || !words) return false;
    synset.pointers.push_back({.symbol = std::string(*symbol),
                               .source_word = static_cast<std::uint16_t>(*words >> 8),
                               .target_word = static_cast<std::uint16_t>(*words & 0xff)});
    targets_.push_back(Place(PosOf(pos->front()), *offset));
    return true;
  }

  // Pointers name targets by file offset; those that lead nowhere are dropped.
  void ResolvePointers() {
    std::size_t next = 0;
    for (SourceSynset& synset : source_.synsets) {
      std::vector<Pointer> kept;
      for (Pointer& pointer : synset.pointers) {
        const auto found = by_place_.find(targets_[next++]);
        if (found == by_place_.end()) continue;
        pointer.target = found->second;
        kept.push_back(std::move(pointer));
      }
      synset.pointers = std::move(kept);
    }
  }

  bool Index(PartOfSpeech pos, std::string_view line) {
    Fields fields(line);
    const auto lemma = fields.Text(), letter = fields.Text();
    const auto senses = fields.Number(), pointers = fields.Number();
    if (!lemma || !letter || !senses || !pointers) return false;
    for (std::uint32_t i = 0; i < *pointers; ++i) fields.Text();
    fields.Number();
    fields.Number();
    SourceWord& word = source_.words[WordIdOf(CleanWord(*lemma))];
    for (std::uint32_t i = 0; i < *senses; ++i) {
      const auto offset = fields.Number();
      if (!offset) return false;
      const auto found = by_place_.find(Place(pos, *offset));
      if (found == by_place_.end()) return false;
      word.senses.push_back(
          {.synset = found->second, .count = 0, .pos = pos, .rank = static_cast<std::uint8_t>(i)});
    }
    return true;
  }

  // "mice mouse": a form and its bases.
  bool Exception(PartOfSpeech pos, std::string_view line) {
    Fields fields(line);
    const auto form = fields.Text();
    if (!form) return false;
    while (const auto base = fields.Text()) {
      source_.exceptions.push_back({CleanWord(*form), pos, CleanWord(*base)});
    }
    return true;
  }

  // "house%1:06:00:: 1 160": sense key, sense number, how often it was tagged.
  bool Count(std::string_view line) {
    Fields fields(line);
    const auto key = fields.Text();
    const auto number = fields.Number(), count = fields.Number();
    if (!key || !number || !count || *number == 0) return false;
    const std::size_t percent = key->rfind('%');
    if (percent == key->npos || percent + 1 >= key->size()) return false;
    static constexpr std::string_view kTypes = "1nvars";  // 1 noun ... 5 satellite adjective
    const int type = (*key)[percent + 1] - '0';
    if (type < 1 || type > 5) return false;
    const PartOfSpeech pos = PosOf(kTypes[static_cast<std::size_t>(type)]);
    const auto word = source_.word_ids.find(CleanWord(key->substr(0, percent)));
    if (word == source_.word_ids.end()) return true;
    for (Sense& sense : source_.words[word->second].senses) {
      if (sense.pos == pos && sense.rank + 1u == *number) {
        sense.count = static_cast<std::uint16_t>(std::min<std::uint32_t>(*count, 0xffff));
      }
    }
    return true;
  }

  const std::filesystem::path directory_;
  WordNetSource source_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_place_;
  std::vector<std::uint64_t> targets_;  // of all pointers, in order
};

}  // namespace

Result<WordNetSource> ReadWordNet(const std::filesystem::path& directory) {
  return Reader(directory).Run();
}

}  // namespace reprise
