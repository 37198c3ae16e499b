#include "app/tsv.h"

#include <algorithm>
#include <fstream>
#include <string_view>

namespace reprise {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBlank = " \t\r\n\v\f";

std::vector<std::string> SplitTabs(std::string_view line) {
  std::vector<std::string> columns;
  for (std::size_t tab = line.find('\t'); tab != line.npos; tab = line.find('\t')) {
    columns.emplace_back(line.substr(0, tab));
    line.remove_prefix(tab + 1);
  }
  columns.emplace_back(line);
  return columns;
}

std::vector<TsvLine> ReadLines(std::istream& stream) {
  std::vector<TsvLine> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(stream, text); ++number) {
    std::string_view line = text;
    if (number == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(kBlank) == line.npos) continue;
    lines.push_back({number, SplitTabs(line)});
  }
  return lines;
}

}  // namespace

Result<std::vector<TsvLine>> ReadTsv(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code ignored;  // a directory can be opened, and reads like an empty file
  if (!stream || std::filesystem::is_directory(file, ignored)) {
    return Fail(Code::kNotFound, "cannot read " + file.string());
  }
  return ReadLines(stream);
}

std::unexpected<Error> TsvError(const std::filesystem::path& file, const TsvLine& line,
                                const std::string& message) {
  return Fail(Code::kInvalidArgument,
              file.string() + ":" + std::to_string(line.number) + ": " + message);
}

std::string Trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string TsvColumn(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace reprise
