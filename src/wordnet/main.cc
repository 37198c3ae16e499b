// wordnet_compiler DIRECTORY TABLE: compiles WordNet's files into the table the program carries.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "wordnet/compile.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} WORDNET_DIRECTORY TABLE\n", argv[0]);
    return 2;
  }
  const auto source = reprise::ReadWordNet(argv[1]);
  if (!source) {
    fmt::print(stderr, "{}: {}\n", argv[0], source.error().message);
    return 1;
  }
  const std::string table = reprise::CompileWordNet(*source);
  std::ofstream file(argv[2], std::ios::binary);
  file.write(table.data(), static_cast<std::streamsize>(table.size()));
  file.close();
  if (file.fail()) {
    fmt::print(stderr, "{}: cannot write {}\n", argv[0], argv[2]);
    return 1;
  }
}
