// Brings rows, vectors and files of a data directory back in step, while no gateway runs on it:
// what a damaged disk, a restored backup or a hand in the wrong place left behind. Blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace reprise {

struct RepairOptions {
  bool repair = false;    // else only look
  bool checksums = true;  // read every image; else its file's length has to do
  // After every file, from 0 to all.
  std::function<void(std::size_t done, std::size_t all)> progress = [](std::size_t, std::size_t) {};
};

// One kind of damage. Without `repair` it is what would be done.
struct RepairFinding {
  std::string what;     // "images_without_file"
  std::string meaning;  // for people: what was found and what is done about it
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;            // of files
  std::vector<std::string> examples;  // the first ten
};

struct RepairReport {
  std::uint64_t entries = 0, images = 0;  // rows, afterwards
  std::uint64_t files = 0, bytes = 0;     // of images, that are in order
  std::vector<RepairFinding> findings;    // by kind, in a fixed order; count 0: none

  std::uint64_t damages() const;
};

// `database` with the images' files below `blobs`. Rows go before the files they name. kConflict
// while a gateway has them open; kCorrupt when the database itself is damaged, which nothing here
// mends.
Result<RepairReport> RepairStore(const std::filesystem::path& database,
                                 const std::filesystem::path& blobs, const RepairOptions& options);

}  // namespace reprise
