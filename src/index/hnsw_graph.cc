#include "index/hnsw_graph.h"

#include <algorithm>
#include <usearch/index.hpp>

namespace reprise {
namespace {

namespace us = unum::usearch;
using UsearchGraph = us::index_gt<float, std::uint64_t, std::uint32_t>;

constexpr std::size_t kFirstCapacity = 1024;

}  // namespace

struct HnswGraph::Graph {
  explicit Graph(UsearchGraph made) : usearch(std::move(made)) {}
  UsearchGraph usearch;
};

// Distances for USearch: 1 - inner product, between vectors named by their slots.
class HnswGraph::Metric {
 public:
  Metric(const VectorStorage& storage, const InnerProduct& product)
      : storage_(storage), product_(product) {}

  template <class Entry>
  float operator()(const Half* query, const Entry& entry) const {
    return 1 - product_(query, storage_.Vector(SlotOf(entry)));
  }
  template <class Left, class Right>
  float operator()(const Left& left, const Right& right) const {
    return 1 - product_(storage_.Vector(SlotOf(left)), storage_.Vector(SlotOf(right)));
  }

 private:
  template <class Entry>
  static VectorStorage::Slot SlotOf(const Entry& entry) {
    return static_cast<VectorStorage::Slot>(get_slot(entry));
  }

  const VectorStorage& storage_;
  const InnerProduct& product_;
};

HnswGraph::HnswGraph(const VectorStorage& storage, InnerProduct product,
                     const VectorIndexOptions& options)
    : storage_(storage),
      product_(product),
      options_(options),
      graph_(std::make_unique<Graph>(UsearchGraph(
          us::index_config_t(options.connectivity, options.connectivity * 2)))) {}

HnswGraph::HnswGraph(const HnswGraph& other, std::unique_ptr<Graph> graph)
    : storage_(other.storage_),
      product_(other.product_),
      options_(other.options_),
      graph_(std::move(graph)) {}

HnswGraph::~HnswGraph() = default;

Result<void> HnswGraph::Reserve(std::size_t members) {
  if (graph_->usearch.capacity() >= members) return {};
  const std::size_t wanted = std::max(kFirstCapacity, members + members / 2);
  if (graph_->usearch.try_reserve({wanted, 1})) return {};
  return Fail(Code::kUnavailable, "no memory for an index of " + std::to_string(wanted) +
                                      " vectors; lower the cache's size limit");
}

Result<void> HnswGraph::AddNext() {
  const std::size_t next = size();
  if (auto reserved = Reserve(next + 1); !reserved) return reserved;
  us::index_update_config_t config;
  config.expansion = options_.expansion_add;
  const auto slot = static_cast<VectorStorage::Slot>(next);
  auto added = graph_->usearch.add(next, storage_.Vector(slot), Metric(storage_, product_), config);
  if (added) return {};
  return Fail(Code::kUnavailable, std::string("cannot extend the index: ") + added.error.release());
}

Result<std::unique_ptr<HnswGraph>> HnswGraph::Freeze(std::size_t readers) const {
  auto copied = graph_->usearch.copy();
  if (!copied) {
    return Fail(Code::kUnavailable,
                std::string("cannot copy the index: ") + copied.error.release());
  }
  auto graph = std::make_unique<Graph>(std::move(copied.index));
  if (!graph->usearch.try_reserve({size(), readers})) {
    return Fail(Code::kUnavailable, "no memory for the index's readers");
  }
  return std::unique_ptr<HnswGraph>(new HnswGraph(*this, std::move(graph)));
}

std::vector<SlotMatch> HnswGraph::Search(std::span<const Half> query, std::size_t count,
                                         VectorStorage::Slot end, std::size_t reader) const {
  us::index_search_config_t config;
  config.expansion = options_.expansion_search;
  config.thread = reader;
  auto alive = [this, end](const auto& member) {
    return storage_.Alive(static_cast<VectorStorage::Slot>(get_slot(member)), end);
  };
  const auto found =
      graph_->usearch.search(query.data(), count, Metric(storage_, product_), config, alive);
  std::vector<SlotMatch> matches;
  for (std::size_t i = 0; found && i < found.size(); ++i) {
    const auto match = found[i];
    matches.push_back({1 - match.distance, static_cast<VectorStorage::Slot>(match.member.slot)});
  }
  return matches;
}

std::size_t HnswGraph::size() const { return graph_->usearch.size(); }

std::size_t HnswGraph::memory_bytes() const { return graph_->usearch.memory_usage(); }

}  // namespace reprise
