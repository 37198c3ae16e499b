// What the tests of `reprise eval` share.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "app/eval_judge.h"

namespace reprise {

// A file that is gone with its test.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    std::string path = (std::filesystem::temp_directory_path() / "reprise-text-XXXXXX").string();
    ::close(::mkstemp(path.data()));
    path_ = path;
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A pair as judged, of prompts that no other pair has.
inline JudgedPair Judged(PairLabel label, double similarity, double cosine, bool vetoed = false) {
  static int serial = 0;
  const std::string number = std::to_string(++serial);
  return {
      .pair = {.label = label, .kind = "k", .a = "a" + number, .b = "b" + number},
      .verdict = {.similarity = similarity, .vetoed = vetoed, .reason = "r", .sentence = "because"},
      .cosine = cosine};
}

}  // namespace reprise
