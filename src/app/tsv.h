// Tab-separated text as people and spreadsheets write it: UTF-8 with or without a byte order mark,
// lines ending in LF or CRLF, no quoting.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace reprise {

struct TsvLine {
  std::size_t number = 0;            // in the file, from 1
  std::vector<std::string> columns;  // at least one
};

// Every line that is not blank. kNotFound when `file` cannot be read.
Result<std::vector<TsvLine>> ReadTsv(const std::filesystem::path& file);

// "FILE:12: MESSAGE", kInvalidArgument.
std::unexpected<Error> TsvError(const std::filesystem::path& file, const TsvLine& line,
                                const std::string& message);

// Without white space at both ends.
std::string Trimmed(const std::string& text);

// Tabs and line ends become blanks, so that the text stays one column.
std::string TsvColumn(std::string text);

}  // namespace reprise
