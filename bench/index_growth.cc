// How the index grows: at 10,000, 100,000 and so on vectors of generated prompts, what an addition
// and a search take, what it is in memory, and what it takes to save and to load it.
//
//   index_growth [VECTORS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "embed/embedder.h"
#include "index/vector_index.h"
#include "prompt_grammar.h"

namespace reprise {
namespace {

constexpr std::size_t kWatched = 2000;  // additions before each report that are timed
constexpr std::size_t kSearches = 1000;
constexpr std::size_t kNeighbours = 10;

// Of this thread's time on a processor: what else the machine does is not counted.
template <class Work>
double Microseconds(Work work) {
  timespec start{}, end{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  work();
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  return static_cast<double>(end.tv_sec - start.tv_sec) * 1e6 +
         static_cast<double>(end.tv_nsec - start.tv_nsec) * 1e-3;
}

void Print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (double time : times) sum += time;
  std::printf("  %-8s mean %8.1f us  p50 %8.1f  p99 %8.1f  longest %8.1f\n", what,
              sum / static_cast<double>(times.size()), times[times.size() / 2],
              times[times.size() * 99 / 100], times.back());
}

std::vector<Half> Embed(const std::string& prompt) {
  return ToHalf(EmbedBuiltIn(Analyze(prompt)));
}

void Report(VectorIndex& index, const std::vector<Scene>& scenes, std::vector<double> additions) {
  const std::size_t size = index.size();
  std::printf("%zu vectors, %zu bytes each\n", size, index.memory_bytes() / size);
  Print("add", std::move(additions));
  std::vector<double> searches;
  for (std::size_t i = 0; i < kSearches; ++i) {
    const auto query = Embed(Rephrase(scenes[i * size / kSearches]));
    searches.push_back(Microseconds([&] { (void)index.Search(query, kNeighbours); }));
  }
  Print("search", std::move(searches));
  std::vector<std::byte> bytes;
  bytes.reserve(index.memory_bytes() + (1 << 20));
  const double save = Microseconds([&] {
    (void)index.Save([&bytes](std::span<const std::byte> piece) {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
      return Result<void>();
    });
  });
  bool loaded = false;
  const double load = Microseconds([&] {
    loaded =
        LoadVectorIndex({.dimensions = MakeBuiltInEmbedder()->dimensions()}, bytes).has_value();
  });
  std::printf("  saved to memory in %.2f s, loaded%s in %.2f s\n", save / 1e6, loaded ? "" : " NOT",
              load / 1e6);
  std::fflush(stdout);
}

void Grow(std::size_t count) {
  const auto scenes = MakeScenes(count, 1);
  const auto index = MakeVectorIndex({.dimensions = MakeBuiltInEmbedder()->dimensions()});
  std::vector<double> additions;
  std::size_t next_report = std::min<std::size_t>(10'000, count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto vector = Embed(Describe(scenes[i]));
    const double time = Microseconds([&] { (void)index->Add(i, vector); });
    if (i + kWatched >= next_report) additions.push_back(time);
    if (i + 1 < next_report) continue;
    Report(*index, scenes, std::move(additions));
    additions.clear();
    next_report = std::min(next_report * 10, count);
  }
}

}  // namespace
}  // namespace reprise

int main(int argc, char** argv) {
  reprise::Grow(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000);
}
