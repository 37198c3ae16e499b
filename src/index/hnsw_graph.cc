#include "index/hnsw_graph.h"

#include <algorithm>
#include <functional>
#include <string_view>
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

// Distances for USearch: 1 - inner product, between vectors named by their nodes.
class HnswGraph::Metric {
 public:
  explicit Metric(const HnswGraph& graph) : graph_(graph) {}

  template <class Entry>
  float operator()(const Half* query, const Entry& entry) const {
    return 1 - graph_.product_(query, VectorOf(entry));
  }
  template <class Left, class Right>
  float operator()(const Left& left, const Right& right) const {
    return 1 - graph_.product_(VectorOf(left), VectorOf(right));
  }

 private:
  template <class Entry>
  const Half* VectorOf(const Entry& entry) const {
    return graph_.storage_.Vector(graph_.nodes_[get_slot(entry)]);
  }

  const HnswGraph& graph_;
};

HnswGraph::HnswGraph(VectorStorage& storage, InnerProduct product,
                     const VectorIndexOptions& options)
    : storage_(storage),
      product_(product),
      options_(options),
      graph_(std::make_unique<Graph>(
          UsearchGraph(us::index_config_t(options.connectivity, options.connectivity * 2)))) {}

HnswGraph::HnswGraph(const HnswGraph& other, std::unique_ptr<Graph> graph)
    : storage_(other.storage_),
      product_(other.product_),
      options_(other.options_),
      graph_(std::move(graph)),
      nodes_(other.nodes_),
      covered_(other.covered_) {}

HnswGraph::~HnswGraph() = default;

Result<void> HnswGraph::Reserve(std::size_t members) {
  if (graph_->usearch.capacity() >= members) return {};
  const std::size_t wanted = std::max(kFirstCapacity, members + members / 2);
  if (graph_->usearch.try_reserve({wanted, 1})) return {};
  return Fail(Code::kUnavailable, "no memory for an index of " + std::to_string(wanted) +
                                      " vectors; lower the cache's size limit");
}

Result<void> HnswGraph::AddNext() {
  const std::size_t hash = HashOf(covered_);
  if (const auto leader = FindEqual(covered_, hash); leader != VectorStorage::kNone) {
    storage_.Link(leader, covered_);
  } else {
    if (auto added = AddNode(covered_); !added) return added;
    leaders_.try_emplace(hash, covered_);
  }
  ++covered_;
  return {};
}

Result<void> HnswGraph::AddNode(VectorStorage::Slot slot) {
  if (auto reserved = Reserve(nodes_.size() + 1); !reserved) return reserved;
  us::index_update_config_t config;
  config.expansion = options_.expansion_add;
  nodes_.push_back(slot);
  auto added = graph_->usearch.add(slot, storage_.Vector(slot), Metric(*this), config);
  if (added) return {};
  nodes_.pop_back();
  return Fail(Code::kUnavailable, std::string("cannot extend the index: ") + added.error.release());
}

std::size_t HnswGraph::HashOf(VectorStorage::Slot slot) const {
  const auto* bytes = reinterpret_cast<const char*>(storage_.Vector(slot));
  return std::hash<std::string_view>()({bytes, product_.dimensions() * sizeof(Half)});
}

VectorStorage::Slot HnswGraph::FindEqual(VectorStorage::Slot slot, std::size_t hash) const {
  const auto found = leaders_.find(hash);
  if (found == leaders_.end()) return VectorStorage::kNone;
  const Half* leader = storage_.Vector(found->second);
  const bool equal = std::equal(leader, leader + product_.dimensions(), storage_.Vector(slot));
  return equal ? found->second : VectorStorage::kNone;
}

bool HnswGraph::AnyAlive(VectorStorage::Slot leader, VectorStorage::Slot end) const {
  for (auto slot = leader; slot != VectorStorage::kNone; slot = storage_.NextEqual(slot)) {
    if (slot < covered_ && storage_.Alive(slot, end)) return true;
  }
  return false;
}

Result<std::unique_ptr<HnswGraph>> HnswGraph::Freeze(std::size_t readers) const {
  auto copied = graph_->usearch.copy();
  if (!copied) {
    return Fail(Code::kUnavailable,
                std::string("cannot copy the index: ") + copied.error.release());
  }
  auto graph = std::make_unique<Graph>(std::move(copied.index));
  if (!graph->usearch.try_reserve({nodes_.size(), readers})) {
    return Fail(Code::kUnavailable, "no memory for the index's readers");
  }
  return std::unique_ptr<HnswGraph>(new HnswGraph(*this, std::move(graph)));
}

std::vector<SlotMatch> HnswGraph::Search(std::span<const Half> query, std::size_t count,
                                         VectorStorage::Slot end, std::size_t reader) const {
  us::index_search_config_t config;
  config.expansion = options_.expansion_search;
  config.thread = reader;
  auto alive = [this, end](const auto& member) { return AnyAlive(nodes_[get_slot(member)], end); };
  const auto found = graph_->usearch.search(query.data(), count, Metric(*this), config, alive);
  std::vector<SlotMatch> matches;
  for (std::size_t i = 0; found && i < found.size() && matches.size() < count; ++i) {
    const auto match = found[i];
    // The chain may have grown since this copy was made: what is newer is scanned, not searched.
    for (auto slot = nodes_[match.member.slot];
         slot != VectorStorage::kNone && matches.size() < count; slot = storage_.NextEqual(slot)) {
      if (slot < covered_ && storage_.Alive(slot, end))
        matches.push_back({1 - match.distance, slot});
    }
  }
  return matches;
}

std::size_t HnswGraph::memory_bytes() const {
  constexpr std::size_t kMapNode = 5 * sizeof(void*);  // an entry of leaders_ with its links
  return graph_->usearch.memory_usage() + nodes_.capacity() * sizeof(nodes_[0]) +
         leaders_.size() * kMapNode;
}

}  // namespace reprise
