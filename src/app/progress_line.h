// A line on a terminal's standard error that says how far long work is; nothing where there is no
// terminal. For one thread.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

namespace reprise {

class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

  // `all` 0: not known.
  void Show(std::size_t done, std::size_t all) {
    if (!terminal_ || (done % 50 != 0 && done != all)) return;
    shown_ = true;
    const std::string of = all > 0 ? "/" + std::to_string(all) : "";
    std::fprintf(stderr, "\r\033[K%zu%s %s", done, of.c_str(), what_.c_str());
  }

 private:
  const std::string what_;
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

}  // namespace reprise
