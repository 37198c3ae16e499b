// hnswlib and FAISS, compiled for this processor (-march=native), as those who use them do. FAISS
// comes as a library for every processor of its kind: so that it loses nothing by that, its
// distances are computed here.
#include "index_rivals.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>
#include <hnswlib/hnswlib.h>

#include <algorithm>

namespace reprise {

float NativeProduct(const float* a, const float* b, std::size_t dimensions) {
#pragma clang fp reassociate(on)
  float sum = 0;
  for (std::size_t i = 0; i < dimensions; ++i) sum += a[i] * b[i];
  return sum;
}

namespace {

class Hnswlib final : public ComparedIndex {
 public:
  explicit Hnswlib(const GraphShape& shape) : shape_(shape), space_(shape.dimensions) {}
  std::string name() const override { return "hnswlib"; }

  void Build(Floats vectors) override {
    count_ = vectors.size() / shape_.dimensions;
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(&space_, count_, shape_.connectivity,
                                                               shape_.expansion_add);
    for (std::size_t i = 0; i < count_; ++i) {
      graph_->addPoint(&vectors[i * shape_.dimensions], i);
    }
  }
  void SetExpansion(std::size_t expansion) override { graph_->setEf(expansion); }

  std::vector<std::uint32_t> Search(Floats query, std::size_t count) override {
    auto found = graph_->searchKnn(query.data(), count);
    std::vector<std::uint32_t> nearest(found.size());
    for (std::size_t i = nearest.size(); i-- > 0; found.pop()) {
      nearest[i] = static_cast<std::uint32_t>(found.top().second);
    }
    return nearest;
  }

  // What its constructor and addPoint allocate; not the map from labels to numbers.
  std::size_t computed_bytes() const override {
    std::size_t bytes = count_ * (graph_->size_data_per_element_ + sizeof(void*) + sizeof(int));
    for (std::size_t i = 0; i < count_; ++i) {
      bytes +=
          static_cast<std::size_t>(graph_->element_levels_[i]) * graph_->size_links_per_element_;
    }
    return bytes;
  }

 private:
  const GraphShape shape_;
  hnswlib::InnerProductSpace space_;
  std::size_t count_ = 0;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
};

struct NativeDistance final : faiss::FlatCodesDistanceComputer {
  explicit NativeDistance(const faiss::IndexFlat& flat)
      : FlatCodesDistanceComputer(flat.codes.data(), flat.code_size),
        dimensions(static_cast<std::size_t>(flat.d)) {}
  void set_query(const float* x) override { query = x; }
  float distance_to_code(const std::uint8_t* code) override {
    return 1 - NativeProduct(query, reinterpret_cast<const float*>(code), dimensions);
  }
  float symmetric_dis(idx_t i, idx_t j) override {
    const auto* a = reinterpret_cast<const float*>(codes + static_cast<std::size_t>(i) * code_size);
    const auto* b = reinterpret_cast<const float*>(codes + static_cast<std::size_t>(j) * code_size);
    return 1 - NativeProduct(a, b, dimensions);
  }
  const float* query = nullptr;
  std::size_t dimensions;
};

// Says L2, for which FAISS takes distances as they come; for an inner product it wraps them.
struct NativeFlat final : faiss::IndexFlatL2 {
  using IndexFlatL2::IndexFlatL2;
  faiss::FlatCodesDistanceComputer* get_FlatCodesDistanceComputer() const override {
    return new NativeDistance(*this);
  }
};

class Faiss final : public ComparedIndex {
 public:
  explicit Faiss(const GraphShape& shape)
      : dimensions_(shape.dimensions),
        flat_(static_cast<faiss::Index::idx_t>(shape.dimensions)),
        graph_(&flat_, static_cast<int>(shape.connectivity)) {
    graph_.hnsw.efConstruction = static_cast<int>(shape.expansion_add);
  }
  std::string name() const override { return "FAISS HNSW"; }

  void Build(Floats vectors) override {
    graph_.add(static_cast<faiss::Index::idx_t>(vectors.size() / dimensions_), vectors.data());
  }
  void SetExpansion(std::size_t expansion) override {
    graph_.hnsw.efSearch = static_cast<int>(expansion);
  }
  std::vector<std::uint32_t> Search(Floats query, std::size_t count) override {
    std::vector<float> distances(count);
    std::vector<faiss::Index::idx_t> labels(count);
    graph_.search(1, query.data(), static_cast<faiss::Index::idx_t>(count), distances.data(),
                  labels.data());
    std::vector<std::uint32_t> nearest;
    for (const auto label : labels) {
      if (label >= 0) nearest.push_back(static_cast<std::uint32_t>(label));
    }
    return nearest;
  }
  std::size_t computed_bytes() const override {
    const auto& hnsw = graph_.hnsw;
    return flat_.codes.size() + hnsw.neighbors.size() * sizeof(hnsw.neighbors[0]) +
           hnsw.offsets.size() * sizeof(hnsw.offsets[0]) +
           hnsw.levels.size() * sizeof(hnsw.levels[0]);
  }

 private:
  const std::size_t dimensions_;
  NativeFlat flat_;
  faiss::IndexHNSW graph_;
};

}  // namespace

std::unique_ptr<ComparedIndex> MakeHnswlib(const GraphShape& shape) {
  return std::make_unique<Hnswlib>(shape);
}

std::unique_ptr<ComparedIndex> MakeFaiss(const GraphShape& shape) {
  return std::make_unique<Faiss>(shape);
}

}  // namespace reprise
