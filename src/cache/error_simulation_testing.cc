#include "cache/error_simulation_testing.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace reprise {
namespace {

using Random = std::mt19937_64;

double Uniform(Random& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// Most verified neighbours are far above the threshold of 0.85.
double AnySimilarity(Random& random) {
  return 0.85 + 0.15 * std::sqrt(Uniform(random));
}

// Entries whose own rate of wrong neighbours differs: most are good, some are not, all are better
// for nearer neighbours.
class Entries {
 public:
  Entries(std::size_t count, double bad_share, double usual, double bad, Random& random) {
    for (std::size_t i = 0; i < count; ++i) {
      rates_.push_back(Uniform(random) < bad_share ? bad : usual * 2 * Uniform(random));
    }
  }
  SimulatedNeighbour Neighbour(std::size_t entry, std::uint64_t pool, Random& random) const {
    const double similarity = AnySimilarity(random);
    const double nearness = rates_[entry] > 0.5 ? 1 : 2 * (1 - similarity) / 0.05 * 0.5;
    return {{.pool = pool, .entry = entry + 1, .similarity = similarity},
            std::min(1.0, rates_[entry] * nearness)};
  }
  std::size_t size() const { return rates_.size(); }
  void Spoil(std::size_t entry) { rates_[entry] = 1; }

 private:
  std::vector<double> rates_;
};

class UniformTraffic final : public Traffic {
 public:
  UniformTraffic(std::size_t, Random& random) : entries_(2000, 0.005, 0.005, 0.9, random) {}
  SimulatedNeighbour Draw(std::size_t, Random& random) override {
    return entries_.Neighbour(random() % entries_.size(), 1, random);
  }

 private:
  Entries entries_;
};

class ZipfTraffic : public Traffic {
 public:
  ZipfTraffic(std::size_t, Random& random) : entries_(5000, 0.01, 0.005, 0.9, random) {
    double sum = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      sum += 1 / std::pow(double(i + 1), 1.1);
      cumulative_.push_back(sum);
    }
  }
  SimulatedNeighbour Draw(std::size_t, Random& random) override {
    const std::size_t entry = Popular(random);
    return entries_.Neighbour(entry, 1 + entry % 3, random);
  }

 protected:
  std::size_t Popular(Random& random) const {
    const double at = Uniform(random) * cumulative_.back();
    return static_cast<std::size_t>(std::ranges::lower_bound(cumulative_, at) -
                                    cumulative_.begin());
  }
  Entries entries_;

 private:
  std::vector<double> cumulative_;
};

// The most popular entry and every twentieth other are always wrong.
class AdversarialTraffic final : public ZipfTraffic {
 public:
  AdversarialTraffic(std::size_t requests, Random& random) : ZipfTraffic(requests, random) {
    for (std::size_t i = 0; i < entries_.size(); i += 20) entries_.Spoil(i);
  }
};

// Halfway one of three classes turns bad for every entry.
class DriftTraffic final : public ZipfTraffic {
 public:
  DriftTraffic(std::size_t requests, Random& random)
      : ZipfTraffic(requests, random), half_(requests / 2) {}
  SimulatedNeighbour Draw(std::size_t i, Random& random) override {
    SimulatedNeighbour neighbour = ZipfTraffic::Draw(i, random);
    if (i >= half_ && neighbour.candidate.pool == 2) neighbour.wrong = 0.7;
    return neighbour;
  }

 private:
  const std::size_t half_;
};

// Good traffic, then a run of entries made to be wrong, each asked for once, among it.
class FloodTraffic final : public ZipfTraffic {
 public:
  FloodTraffic(std::size_t requests, Random& random)
      : ZipfTraffic(requests, random), from_(requests / 2), to_(from_ + requests / 20) {}
  SimulatedNeighbour Draw(std::size_t i, Random& random) override {
    SimulatedNeighbour neighbour = ZipfTraffic::Draw(i, random);
    if (i < from_ || i >= to_ || i % 2 == 0) return neighbour;
    neighbour.candidate.entry = 1'000'000 + i;
    neighbour.wrong = 1;
    return neighbour;
  }

 private:
  const std::size_t from_, to_;
};

// One entry at a time, for 50 requests; one in 50 of them is bad.
class BurstTraffic final : public Traffic {
 public:
  BurstTraffic(std::size_t, Random& random) : entries_(1000, 0.02, 0.004, 0.95, random) {}
  SimulatedNeighbour Draw(std::size_t i, Random& random) override {
    if (i % 50 == 0) entry_ = random() % entries_.size();
    return entries_.Neighbour(entry_, 1 + entry_ % 2, random);
  }

 private:
  Entries entries_;
  std::size_t entry_ = 0;
};

// Every request has another entry; of eight classes one is bad.
class TailTraffic final : public Traffic {
 public:
  TailTraffic(std::size_t, Random&) {}
  SimulatedNeighbour Draw(std::size_t i, Random& random) override {
    const std::uint64_t pool = 1 + random() % 8;
    const double similarity = AnySimilarity(random);
    const double usual = pool == 1 ? 0.15 : 0.005;
    return {{.pool = pool, .entry = i + 1, .similarity = similarity},
            usual * (1 - similarity) / 0.05};
  }
};

// Every neighbour has the same chance of being wrong.
template <int kPerMille>
class FlatTraffic final : public Traffic {
 public:
  FlatTraffic(std::size_t, Random&) {}
  SimulatedNeighbour Draw(std::size_t, Random& random) override {
    return {{.pool = 1, .entry = 1 + random() % 3000, .similarity = AnySimilarity(random)},
            kPerMille / 1000.0};
  }
};

template <class T>
std::unique_ptr<Traffic> Make(std::size_t requests, Random& random) {
  return std::make_unique<T>(requests, random);
}

}  // namespace

const std::vector<TrafficShape>& TrafficShapes() {
  static const std::vector<TrafficShape> shapes = {
      {"uniform", "2,000 entries alike", Make<UniformTraffic>},
      {"zipf", "5,000 entries, exponent 1.1, 1 % bad", Make<ZipfTraffic>},
      {"drift", "zipf; halfway a third of it turns 70 % wrong", Make<DriftTraffic>},
      {"adversarial", "zipf; the first and every 20th entry always wrong",
       Make<AdversarialTraffic>},
      {"flood", "zipf; a run of new entries, each wrong", Make<FloodTraffic>},
      {"bursts", "50 requests at a time for one entry, 2 % bad", Make<BurstTraffic>},
      {"tail", "every request another entry; one class of 8 bad", Make<TailTraffic>},
      {"good", "1 in 1,000 wrong", Make<FlatTraffic<1>>},
      {"mediocre", "5 % wrong", Make<FlatTraffic<50>>},
      {"bad", "30 % wrong", Make<FlatTraffic<300>>},
  };
  return shapes;
}

SimulationResult Simulate(const TrafficShape& shape, std::size_t requests, double max_error,
                          std::uint64_t seed) {
  Random random(seed);
  const auto traffic = shape.make(requests, random);
  ErrorLearner learner;
  SimulationResult result{.requests = requests};
  for (std::size_t i = 0; i < requests; ++i) {
    const SimulatedNeighbour neighbour = traffic->Draw(i, random);
    const bool wrong = Uniform(random) < neighbour.wrong;
    result.unbounded_wrong += wrong;
    if (learner.Decide(neighbour.candidate, max_error, Uniform(random)).explore) {
      learner.Learn({neighbour.candidate, !wrong});
    } else {
      ++result.served;
      result.wrong += wrong;
    }
  }
  return result;
}

}  // namespace reprise
