#include "prompt/numbers.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace reprise {
namespace {

constexpr float kOneWeight = 0.05f;

bool IsDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Cardinal words below a hundred, and what multiplies.
std::int64_t WordValue(std::string_view word) {
  static const std::unordered_map<std::string_view, std::int64_t> values = {
      {"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
      {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
      {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
      {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
      {"twenty", 20},  {"thirty", 30},  {"forty", 40},     {"fifty", 50},    {"sixty", 60},
      {"seventy", 70}, {"eighty", 80},  {"ninety", 90}};
  const auto found = values.find(word);
  return found == values.end() ? -1 : found->second;
}

std::int64_t Scale(std::string_view word) {
  static const std::unordered_map<std::string_view, std::int64_t> scales = {
      {"dozen", 12}, {"hundred", 100}, {"thousand", 1000}, {"million", 1'000'000}};
  const auto found = scales.find(word);
  return found == scales.end() ? 0 : found->second;
}

// Reads one number from tokens [at, end of the number); `total` + `group` is its value so far.
class NumberReader {
 public:
  explicit NumberReader(const std::vector<Token>& tokens) : tokens_(tokens) {}

  // The position after the number that starts at `at`, or `at` when none does.
  std::size_t Read(std::size_t at) {
    std::size_t next = at;
    if (IsArticle(at) && at + 1 < tokens_.size()) {
      if (Couple(at + 1)) return group_ = 2, at + 3;
      if (Scale(tokens_[at + 1].text) == 0) return at;
      group_ = 1;
      last_ = 1;
      ++next;
    }
    while (next < tokens_.size() && tokens_[next].clause == tokens_[at].clause) {
      const bool and_before = next > at && tokens_[next].text == "and" && after_scale_;
      if (and_before && next + 1 < tokens_.size() && Takes(tokens_[next + 1].text)) ++next;
      if (!Take(tokens_[next].text)) break;
      ++next;
    }
    return next;
  }

  std::string Digits() const { return std::to_string(total_ + group_); }

 private:
  bool IsArticle(std::size_t i) const { return tokens_[i].text == "a" || tokens_[i].text == "an"; }
  bool Couple(std::size_t i) const {
    return (tokens_[i].text == "couple" || tokens_[i].text == "pair") && i + 1 < tokens_.size() &&
           tokens_[i + 1].text == "of";
  }

  // A unit follows a ten ("twenty one") or a scale ("hundred five") or nothing.
  bool Takes(std::string_view word) const {
    const std::int64_t value = WordValue(word);
    if (value < 0) return false;
    return last_ < 0 || after_scale_ || (last_ >= 20 && last_ < 100 && value > 0 && value < 10);
  }

  bool Take(std::string_view word) {
    if (Takes(word)) {
      last_ = WordValue(word);
      group_ += last_;
      after_scale_ = false;
      return true;
    }
    const std::int64_t scale = Scale(word);
    if (scale == 0 || last_ < 0 || group_ * scale > 1'000'000'000) return false;
    group_ = std::max<std::int64_t>(group_, 1) * scale;
    if (scale >= 1000) total_ += std::exchange(group_, 0);
    after_scale_ = true;
    return true;
  }

  const std::vector<Token>& tokens_;
  std::int64_t total_ = 0, group_ = 0, last_ = -1;
  bool after_scale_ = false;
};

bool IsPronounOne(const std::vector<Token>& tokens, std::size_t at) {
  if (tokens[at].text != "one") return false;
  return at + 1 >= tokens.size() || tokens[at + 1].clause != tokens[at].clause ||
         !tokens[at + 1].content;
}

void MakeCount(Token& token, std::string digits) {
  token.lemma = std::move(digits);
  token.slot = Slot::kCount;
  token.content = token.lemma != "1";  // "one dog" is "a dog"
  token.weight = token.content ? token.weight : kOneWeight;
  token.form = Form::kBase;
  token.name = false;
}

}  // namespace

std::optional<std::string> CanonicalNumber(std::string_view word) {
  std::string digits;
  std::size_t points = 0;
  for (char c : word) {
    if (c == ',') continue;
    points += c == '.';
    digits += c;
  }
  std::string_view whole = digits, part;
  if (points == 1) {
    whole = std::string_view(digits).substr(0, digits.find('.'));
    part = std::string_view(digits).substr(digits.find('.') + 1);
    if (!IsDigits(part)) return std::nullopt;
    part = part.substr(0, part.find_last_not_of('0') + 1);
  }
  if (points > 1 || !IsDigits(whole)) return std::nullopt;
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size() - 1));
  std::string out(whole);
  if (!part.empty()) out.append(".").append(part);
  return out;
}

std::optional<std::string> CanonicalOrdinal(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> words = {
      {"first", "1st"},     {"second", "2nd"}, {"third", "3rd"},     {"fourth", "4th"},
      {"fifth", "5th"},     {"sixth", "6th"},  {"seventh", "7th"},   {"eighth", "8th"},
      {"ninth", "9th"},     {"tenth", "10th"}, {"eleventh", "11th"}, {"twelfth", "12th"},
      {"twentieth", "20th"}};
  if (const auto found = words.find(word); found != words.end()) return std::string(found->second);
  if (word.size() < 3 || !IsDigits(word.substr(0, word.size() - 2))) return std::nullopt;
  const std::string_view end = word.substr(word.size() - 2);
  if (end != "st" && end != "nd" && end != "rd" && end != "th") return std::nullopt;
  return std::string(word);
}

void JoinNumbers(std::vector<Token>& tokens) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < tokens.size();) {
    NumberReader reader(tokens);
    const std::size_t next = IsPronounOne(tokens, at) ? at : reader.Read(at);
    if (kept != at) tokens[kept] = std::move(tokens[at]);
    if (next > at) MakeCount(tokens[kept], reader.Digits());
    ++kept;
    at = std::max(next, at + 1);
  }
  tokens.resize(kept);
}

}  // namespace reprise
