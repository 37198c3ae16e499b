// What VectorIndexOptions' defaults rest on: where a graph overtakes a scan, and what it finds.
// Arguments: number of vectors, dimensions, whether a graph is used, HNSW's ef.
#include <benchmark/benchmark.h>

#include "index/vector_index_testing.h"

namespace reprise {
namespace {

struct Filled {
  Vectors vectors;
  std::unique_ptr<VectorIndex> index;
};

VectorIndexOptions Options(std::size_t dimensions, bool graph, std::size_t expansion) {
  return {.dimensions = dimensions,
          .exact_limit = graph ? 0 : std::size_t{1} << 30,
          .expansion_search = expansion};
}

Filled Fill(std::size_t count, const VectorIndexOptions& options) {
  Filled filled{RandomClusters(count, options.dimensions, count / 40 + 1, 0.8, 1),
                MakeVectorIndex(options)};
  for (std::size_t i = 0; i < count; ++i) (void)filled.index->Add(i, filled.vectors[i]);
  return filled;
}

double Recall(const Filled& filled, std::size_t queries) {
  std::mt19937 random(3);
  std::size_t found = 0;
  for (std::size_t i = 0; i < queries; ++i) {
    const auto query = Near(filled.vectors[random() % filled.vectors.size()], 0.5, random);
    const auto nearest = filled.index->Search(query, 1);
    const auto& best = filled.vectors[NearestByBruteForce(filled.vectors, query).front()];
    found += !nearest.empty() && nearest[0].cosine >= Cosine(query, best) - 1e-4;
  }
  return static_cast<double>(found) / static_cast<double>(queries);
}

void Search(benchmark::State& state) {
  const auto dimensions = static_cast<std::size_t>(state.range(1));
  const auto filled =
      Fill(static_cast<std::size_t>(state.range(0)),
           Options(dimensions, state.range(2) != 0, static_cast<std::size_t>(state.range(3))));
  std::mt19937 random(2);
  Vectors queries;
  for (int i = 0; i < 256; ++i) {
    queries.push_back(Near(filled.vectors[random() % filled.vectors.size()], 0.5, random));
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.index->Search(queries[next++ % queries.size()], 8));
  }
  state.counters["recall"] = Recall(filled, 100);
  state.counters["bytes/vector"] =
      static_cast<double>(filled.index->memory_bytes()) / static_cast<double>(filled.index->size());
}
BENCHMARK(Search)
    ->ArgNames({"vectors", "dimensions", "graph", "ef"})
    ->ArgsProduct({{500, 1000, 2000, 4000, 8000}, {1024}, {0}, {64}})
    ->ArgsProduct({{500, 1000, 2000, 4000, 8000}, {1024}, {1}, {64}})
    ->ArgsProduct({{20'000}, {256}, {1}, {32, 64, 128}})
    ->Args({20'000, 256, 0, 64});

void Add(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto vectors = RandomClusters(count, 1024, count / 40 + 1, 0.8, 1);
  for (auto _ : state) {
    const auto index = MakeVectorIndex(Options(1024, state.range(1) != 0, 64));
    for (std::size_t i = 0; i < count; ++i) (void)index->Add(i, vectors[i]);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Add)
    ->ArgNames({"vectors", "graph"})
    ->ArgsProduct({{5000}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace reprise
