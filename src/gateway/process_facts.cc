#include "gateway/process_facts.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace reprise {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t CountFds() {
  std::error_code error;
  const std::filesystem::directory_iterator begin("/proc/self/fd", error);
  if (error) return 0;
  const auto all = std::distance(begin, std::filesystem::directory_iterator());
  return static_cast<std::uint64_t>(all) - 1;  // without the one that looks
}

// Field 22 of /proc/self/stat, in ticks since the boot; the name, field 2, may hold blanks.
double StartTicks() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return fields ? std::stod(field) : 0;
}

double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

}  // namespace

ProcessFacts ReadProcessFacts() {
  ProcessFacts facts;
  std::uint64_t size_pages = 0, resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> size_pages >> resident_pages) {
    facts.resident_bytes = resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  facts.open_fds = CountFds();
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) facts.max_fds = files.rlim_cur;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    facts.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  }
  const double boot = BootTime();
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (boot > 0) facts.start_time_s = boot + StartTicks() / ticks;
  return facts;
}

}  // namespace reprise
