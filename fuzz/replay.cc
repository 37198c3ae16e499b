// Runs every target over its kept corpus, and over the beginnings of each file: a test without a
// fuzzer. fuzz_replay CORPUS, where CORPUS/NAME has the files of the target NAME.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "targets.h"

namespace {

std::string Read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// From memory that ends where the bytes do, so that a sanitizer sees a read beyond them.
void Run(const reprise::fuzz::Target& target, std::string_view bytes) {
  const std::unique_ptr<char[]> exact(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  target.run({exact.get(), bytes.size()});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS\n");
    return 2;
  }
  for (const auto& target : reprise::fuzz::kTargets) {
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(argv[1]) / target.name)) {
      const std::string bytes = Read(entry.path());
      Run(target, bytes);
      for (const std::size_t part : {1, 2, 3})
        Run(target, std::string_view(bytes).substr(0, bytes.size() * part / 4));
      ++files;
    }
    if (files == 0) {
      std::fprintf(stderr, "no corpus for %s\n", std::string(target.name).c_str());
      return 1;
    }
  }
  return 0;
}
