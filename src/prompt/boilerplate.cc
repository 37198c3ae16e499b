#include "prompt/boilerplate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace reprise {
namespace {

constexpr float kWeight = 0.02f;
// Words of praise before "image of" that are looked through: a walk begins at every clause.
constexpr std::size_t kMostPraise = 12;

constexpr auto kPolite = std::to_array<std::string_view>(
    {"please", "kindly", "hi",   "hello", "hey", "can", "could", "would",   "will", "you",  "i",
     "want",   "need",   "like", "d",     "to",  "let", "us",    "imagine", "i'd",  "help", "me"});
constexpr auto kWishes = std::to_array<std::string_view>({"want", "need", "like"});
constexpr auto kGreetings =
    std::to_array<std::string_view>({"hi", "hello", "hey", "ok", "okay", "prompt"});
constexpr auto kThanks =
    std::to_array<std::string_view>({"please", "thanks", "thank", "you", "very", "much", "so", "a",
                                     "lot", "in", "advance", "pls", "cheers"});
constexpr auto kRequests = std::to_array<std::string_view>(
    {"draw", "generate", "create", "make", "show", "produce", "give", "design", "depict", "render",
     "illustrate", "visualize", "get", "see"});
constexpr auto kPictures = std::to_array<std::string_view>(
    {"image", "picture", "pic", "images", "pictures", "pics", "depiction", "scene"});
constexpr auto kOfs = std::to_array<std::string_view>(
    {"of", "showing", "shows", "depicting", "featuring", "that", "which"});
constexpr auto kArticles = std::to_array<std::string_view>({"a", "an", "the", "some", "me", "us"});
constexpr auto kDegrees = std::to_array<std::string_view>(
    {"highly",    "very",       "extremely",   "ultra",    "hyper",   "super",
     "insanely",  "incredibly", "intricately", "best",     "high",    "highest",
     "top",       "amazing",    "great",       "good",     "full",    "insane",
     "intricate", "fine",       "crisp",       "stunning", "perfect", "professional"});
constexpr auto kPraised = std::to_array<std::string_view>(
    {"detailed", "detail", "details", "quality", "resolution", "res", "hd", "def", "definition"});
constexpr auto kPraise = std::to_array<std::string_view>(
    {"masterpiece", "hd", "uhd", "fhd", "2k", "4k", "8k", "16k", "hq", "hyperdetailed", "hdr",
     "absurdres", "highres", "artstation", "deviantart", "cgsociety", "bestquality"});

// Praise where it is all a clause says.
constexpr auto kAlone = std::to_array<std::string_view>(
    {"stunning", "beautiful", "amazing", "gorgeous", "awesome", "professional", "epic", "perfect",
     "incredible", "breathtaking", "trending", "intricate", "sharp", "crisp"});

template <class List>
bool In(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

void MarkBoilerplate(Token& token) {
  token.weight = kWeight;
  token.content = false;
  token.name = false;
  token.slot = Slot::kNone;
}

class Marker {
 public:
  explicit Marker(std::vector<Token>& tokens) : tokens_(tokens) {}

  void Run() {
    const std::size_t start = Request();
    Thanks();
    for (std::size_t i = start; i < tokens_.size(); ++i) {
      if (StartsClause(i) || i == start) i = std::max(i, PictureOf(i));
      if (i < tokens_.size()) Praise(i);
    }
  }

 private:
  std::string_view Word(std::size_t i) const {
    return i < tokens_.size() ? std::string_view(tokens_[i].text) : std::string_view();
  }
  bool StartsClause(std::size_t i) const {
    return i == 0 || tokens_[i].clause != tokens_[i - 1].clause;
  }
  void MarkRange(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) MarkBoilerplate(tokens_[i]);
  }

  // "Could you please draw me", "I would like": a verb of making or wishing, with what is polite
  // before it and an article or "me" after it ("show jumping" and "design studio" ask for nothing).
  // Returns where it ends.
  std::size_t Request() {
    std::size_t i = 0;
    while (In(kGreetings, Word(i))) ++i;
    if (i > 0 && i < tokens_.size() && !StartsClause(i) && !In(kPolite, Word(i)) &&
        !In(kRequests, Word(i))) {
      i = 0;  // "Hello Kitty"
    }
    MarkRange(0, i);
    const std::size_t begin = i;
    bool wish = false;
    while (In(kPolite, Word(i))) wish |= In(kWishes, Word(i++));
    const bool thing = In(kArticles, Word(i + 1)) || In(kPictures, Word(i + 1));
    const bool asked = In(kRequests, Word(i)) && (i > begin || thing);
    const bool wished = wish && (In(kArticles, Word(i)) || In(kPictures, Word(i)));
    const bool polite = Word(begin) == "please" || Word(begin) == "imagine";
    if (!asked && !polite && !wished) return begin;
    i += asked;
    while (Word(i) == "me" || Word(i) == "us") ++i;
    MarkRange(0, i);
    return i;
  }

  // "..., thank you very much!", "... please".
  void Thanks() {
    std::size_t end = tokens_.size();
    while (end > 0 && In(kThanks, Word(end - 1))) --end;
    if (end == 0 || end == tokens_.size()) return;
    const std::string_view first = Word(end);
    if (first == "please" || first == "thanks" || first == "thank" || first == "cheers" ||
        first == "pls") {
      MarkRange(end, tokens_.size());
    }
  }

  // "an image of" where a clause starts; returns the position after it, or `i`.
  std::size_t PictureOf(std::size_t i) {
    std::size_t at = i;
    while (at < i + kMostPraise &&
           (In(kArticles, Word(at)) || In(kDegrees, Word(at)) || In(kPraised, Word(at)) ||
            In(kAlone, Word(at)) || Word(at) == "ai")) {
      ++at;
    }
    if (!In(kPictures, Word(at)) || !In(kOfs, Word(at + 1))) return i;
    const bool shows = Word(at + 1) == "that" || Word(at + 1) == "which";
    const std::size_t end = at + 2 + (shows && Word(at + 2) == "shows");
    MarkRange(i, end);
    return end;
  }

  void Praise(std::size_t i) {
    const std::string_view word = Word(i);
    if (In(kPraise, word)) MarkBoilerplate(tokens_[i]);
    if (In(kPraised, word) && i > 0 && In(kDegrees, Word(i - 1))) {
      std::size_t begin = i - 1;
      while (begin > 0 && In(kDegrees, Word(begin - 1))) --begin;
      MarkRange(begin, i + 1);
    }
    if (word == "detailed") MarkBoilerplate(tokens_[i]);
    const bool alone = StartsClause(i) && (i + 1 == tokens_.size() || StartsClause(i + 1));
    if (alone && In(kAlone, word)) MarkBoilerplate(tokens_[i]);
    if ((word == "sharp" || word == "crisp") && Word(i + 1) == "focus") MarkRange(i, i + 2);
    // The weight of "(masterpiece:1.2)".
    if (i > 0 && StartsClause(i) && tokens_[i].slot == Slot::kCount &&
        tokens_[i].text.find('.') != std::string::npos && tokens_[i - 1].weight <= kWeight) {
      MarkBoilerplate(tokens_[i]);
    }
    if (word == "trending" && Word(i + 1) == "on") MarkRange(i, std::min(i + 3, tokens_.size()));
    if (word == "award" && Word(i + 1) == "winning") MarkRange(i, i + 2);
  }

  std::vector<Token>& tokens_;
};

}  // namespace

void MarkBoilerplate(std::vector<Token>& tokens) {
  Marker(tokens).Run();
}

}  // namespace reprise
