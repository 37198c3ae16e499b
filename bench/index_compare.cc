// The index next to hnswlib and FAISS' HNSW: the same vectors, links and efConstruction, one
// thread, ef swept until each finds as much as an exact scan. Vectors are those of prompts by the
// built-in embedder; queries are rephrasings, which are not among them.
//
//   index_compare [--vectors N] [--queries N] [--recall R] [--prompts FILE]
//
// Without a file the prompts come from a grammar. Of a file's lines every tenth becomes a query.
#include <malloc.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <numeric>

#include "embed/embedder.h"
#include "index/vector_index.h"
#include "index_rivals.h"
#include "prompt_grammar.h"

namespace reprise {
namespace {

constexpr std::size_t kNeighbours = 10;  // as many as the cache takes
constexpr std::size_t kConnectivity = 16, kExpansionAdd = 128;
constexpr std::size_t kExpansions[] = {10, 12, 14, 16,  20,  24,  28,  32,  40,  48,  56,
                                       64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512};
constexpr double kTie = 1e-6;  // of cosines: not a miss

std::vector<Half> ToHalf(Floats vector) {
  return reprise::ToHalf(std::span<const float>(vector));
}

class Reprise final : public ComparedIndex {
 public:
  explicit Reprise(const GraphShape& shape)
      : options_{.dimensions = shape.dimensions,
                 .connectivity = shape.connectivity,
                 .expansion_add = shape.expansion_add},
        index_(MakeVectorIndex(options_)) {}
  std::string name() const override { return "Reprise"; }

  void Build(Floats vectors) override {
    const std::size_t dimensions = options_.dimensions;
    for (std::size_t i = 0; i < vectors.size() / dimensions; ++i) {
      (void)index_->Add(i, ToHalf(vectors.subspan(i * dimensions, dimensions)));
    }
  }
  void SetExpansion(std::size_t expansion) override {
    std::vector<std::byte> bytes;
    (void)index_->Save([&bytes](std::span<const std::byte> piece) {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
      return Result<void>();
    });
    options_.expansion_search = expansion;
    index_.reset();
    index_ = std::move(LoadVectorIndex(options_, bytes).value());
  }
  std::vector<std::uint32_t> Search(Floats query, std::size_t count) override {
    std::vector<std::uint32_t> nearest;
    for (const Neighbour& neighbour : index_->Search(ToHalf(query), count)) {
      nearest.push_back(static_cast<std::uint32_t>(neighbour.key));
    }
    return nearest;
  }
  std::size_t computed_bytes() const override { return index_->memory_bytes(); }

 private:
  VectorIndexOptions options_;
  std::unique_ptr<VectorIndex> index_;
};

struct Data {
  std::size_t dimensions = 0;
  std::vector<float> vectors, queries;
  std::vector<std::array<float, kNeighbours>> nearest;  // by query: cosines by an exact scan

  Floats Vector(std::size_t i) const { return Floats(vectors).subspan(i * dimensions, dimensions); }
  Floats Query(std::size_t i) const { return Floats(queries).subspan(i * dimensions, dimensions); }
  std::size_t count() const { return vectors.size() / dimensions; }
  std::size_t query_count() const { return queries.size() / dimensions; }
};

struct Figures {
  std::size_t expansion = 0;
  double recall_1 = 0, recall_10 = 0;
  double mean_us = 0, p50_us = 0;
};

// This thread's time on a processor: what else the machine does is not counted.
double Seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// As the index keeps them, so that all search the same: through binary16.
void AppendEmbedding(const std::string& prompt, std::vector<float>& out) {
  const auto vector = ToFloat(ToHalf(EmbedBuiltIn(Analyze(prompt))));
  out.insert(out.end(), vector.begin(), vector.end());
}

void FindNearest(Data& data) {
  std::vector<float> cosines(data.count());
  for (std::size_t q = 0; q < data.query_count(); ++q) {
    for (std::size_t i = 0; i < cosines.size(); ++i) {
      cosines[i] = NativeProduct(data.Query(q).data(), data.Vector(i).data(), data.dimensions);
    }
    data.nearest.emplace_back();
    std::partial_sort_copy(cosines.begin(), cosines.end(), data.nearest.back().begin(),
                           data.nearest.back().end(), std::greater());
  }
}

Data FromGrammar(std::size_t count, std::size_t queries) {
  Data data;
  const auto scenes = MakeScenes(count, 1);
  for (const Scene& scene : scenes) AppendEmbedding(Describe(scene), data.vectors);
  for (std::size_t i = 0; i < queries; ++i) {
    AppendEmbedding(Rephrase(scenes[i * count / queries]), data.queries);
  }
  return data;
}

Data FromFile(const std::string& path) {
  Data data;
  std::ifstream lines(path);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) AppendEmbedding(line, ++number % 10 == 0 ? data.queries : data.vectors);
  }
  return data;
}

double Share(const Data& data, std::size_t query, std::span<const std::uint32_t> found,
             std::size_t count) {
  const float enough = data.nearest[query][count - 1];
  std::size_t right = 0;
  for (std::size_t i = 0; i < std::min(found.size(), count); ++i) {
    const Floats vector = data.Vector(found[i]);
    right +=
        NativeProduct(data.Query(query).data(), vector.data(), data.dimensions) >= enough - kTie;
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

Figures Measure(ComparedIndex& index, const Data& data, std::size_t expansion) {
  Figures figures{.expansion = expansion};
  std::vector<double> times;
  const auto queries = static_cast<double>(data.query_count());
  for (std::size_t q = 0; q < data.query_count(); ++q) {
    const double start = Seconds();
    const auto found = index.Search(data.Query(q), kNeighbours);
    times.push_back((Seconds() - start) * 1e6);
    figures.recall_1 += Share(data, q, found, 1) / queries;
    figures.recall_10 += Share(data, q, found, kNeighbours) / queries;
  }
  figures.mean_us = std::accumulate(times.begin(), times.end(), 0.0) / queries;
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  figures.p50_us = times[times.size() / 2];
  return figures;
}

void Print(const std::string& name, const Figures& figures) {
  std::printf("%-11s ef %3zu  recall@1 %.4f  @10 %.4f  mean %7.1f us  p50 %7.1f us\n", name.c_str(),
              figures.expansion, figures.recall_1, figures.recall_10, figures.mean_us,
              figures.p50_us);
  std::fflush(stdout);
}

struct Built {
  std::unique_ptr<ComparedIndex> index;
  double bytes = 0;        // resident, per vector
  Figures at_recall = {};  // of the smallest ef that reaches the recall asked for
};

Built Build(std::unique_ptr<ComparedIndex> index, const Data& data) {
  Built built{std::move(index)};
  const auto count = static_cast<double>(data.count());
  malloc_trim(0);
  const std::size_t before = ResidentBytes();
  const double start = Seconds();
  built.index->Build(data.vectors);
  const double seconds = Seconds() - start;
  malloc_trim(0);
  built.bytes = static_cast<double>(ResidentBytes() - before) / count;
  std::printf(
      "%-11s built in %.1f s, %.0f us a vector; %.0f bytes a vector resident, %.0f computed\n",
      built.index->name().c_str(), seconds, seconds / count * 1e6, built.bytes,
      static_cast<double>(built.index->computed_bytes()) / count);
  std::fflush(stdout);
  return built;
}

void Sweep(Built& built, const Data& data, double recall) {
  for (std::size_t expansion : kExpansions) {
    built.index->SetExpansion(expansion);
    Measure(*built.index, data, expansion);  // warm
    const Figures figures = Measure(*built.index, data, expansion);
    Print(built.index->name(), figures);
    built.at_recall = figures;
    if (figures.recall_1 >= recall) return;
  }
  std::printf("%s does not reach recall@1 %.3f\n", built.index->name().c_str(), recall);
}

// In turn, several times: whoever else uses the caches and the memory then bothers all of them.
void Compare(std::span<Built> all, const Data& data, double recall) {
  constexpr int kRounds = 7;
  std::vector<std::vector<double>> times(all.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      times[i].push_back(Measure(*all[i].index, data, all[i].at_recall.expansion).mean_us);
    }
  }
  std::printf("\nat recall@1 >= %.3f, mean of a query, median of %d rounds:\n", recall, kRounds);
  for (auto& rounds : times)
    std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double mine = times[0][kRounds / 2], its = times[i][kRounds / 2];
    std::printf("%-11s ef %3zu  %7.1f us  Reprise takes %.2fx its time, %.2fx its memory\n",
                all[i].index->name().c_str(), all[i].at_recall.expansion, its, mine / its,
                all[0].bytes / all[i].bytes);
  }
}

void Run(Data data, double recall) {
  data.dimensions = MakeBuiltInEmbedder()->dimensions();
  const double start = Seconds();
  FindNearest(data);
  const double scan_us = (Seconds() - start) * 1e6 / static_cast<double>(data.query_count());
  std::printf(
      "%zu vectors of %zu dimensions, %zu queries; exact scan in binary32 %.0f us; M %zu, "
      "efConstruction %zu\n\n",
      data.count(), data.dimensions, data.query_count(), scan_us, kConnectivity, kExpansionAdd);
  const GraphShape shape{data.dimensions, kConnectivity, kExpansionAdd};
  std::vector<Built> all;
  all.push_back(Build(std::make_unique<Reprise>(shape), data));
  all.push_back(Build(MakeHnswlib(shape), data));
  all.push_back(Build(MakeFaiss(shape), data));
  for (Built& built : all) Sweep(built, data, recall);
  Compare(all, data, recall);
}

}  // namespace
}  // namespace reprise

int main(int argc, char** argv) {
  std::size_t vectors = 100'000, queries = 1000;
  double recall = 0.98;
  std::string prompts;
  CLI::App app("The index next to hnswlib and FAISS");
  app.add_option("--vectors", vectors, "how many, from the grammar");
  app.add_option("--queries", queries, "how many, from the grammar");
  app.add_option("--recall", recall, "recall@1 to compare at");
  app.add_option("--prompts", prompts, "a file with a prompt a line, instead of the grammar");
  CLI11_PARSE(app, argc, argv);
  omp_set_num_threads(1);
  mallopt(M_MMAP_THRESHOLD, 1 << 17);  // large blocks go back to the system and can be counted
  reprise::Run(
      prompts.empty() ? reprise::FromGrammar(vectors, queries) : reprise::FromFile(prompts),
      recall);
}
