// The table is part of the program: the system maps it into memory with the rest of the file, and
// all processes share it.
#include <cstdlib>

#include "base/log.h"
#include "wordnet/wordnet.h"

asm(R"(
    .section .rodata
    .balign 64
    .globl reprise_wordnet_begin
    .globl reprise_wordnet_end
reprise_wordnet_begin:
    .incbin ")" REPRISE_WORDNET_TABLE R"("
reprise_wordnet_end:
    .byte 0
    .text
)");

extern "C" const std::byte reprise_wordnet_begin[];  // NOLINT: the linker's names
extern "C" const std::byte reprise_wordnet_end[];

namespace reprise {

const WordNet& WordNet::BuiltIn() {
  static const std::unique_ptr<WordNet> net = [] {
    auto opened = Open({reprise_wordnet_begin, reprise_wordnet_end});
    if (!opened) {
      log::error("{}", opened.error().message);
      std::abort();  // the program file itself is damaged
    }
    return std::move(*opened);
  }();
  return *net;
}

}  // namespace reprise
