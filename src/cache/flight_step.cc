#include "cache/flight_step.h"

#include <algorithm>

#include "cache/judgement.h"
#include "cache/semantic_tier.h"

namespace reprise {
namespace {

// A request that waited for so many failing generations of other words gets the last one's error:
// the upstream is away, and hundreds of rephrasings must not ask it one after the other.
constexpr int kMaxFailedFlights = 2;

// Errors that speak of one prompt's text: another text may fare better.
bool IsAboutTheText(const Error& error) {
  return error.code == Code::kForbidden || error.code == Code::kInvalidArgument;
}

// Whether what the flight brings will do for the request, whatever the two prompts say.
bool Suffices(const FlightPlan& plan, const ImageRequest& request) {
  const ImageSize made = plan.job->request->size;
  return plan.images >= request.count && (made == request.size || CanAnswer(made, request.size));
}

struct NearFlight {
  FlightPtr flight;
  float cosine = 0;
};

// The `count` nearest flights that suffice, nearest first.
std::vector<NearFlight> Nearest(const std::vector<FlightPtr>& flights, const ImageRequest& request,
                                const std::vector<Half>& vector, std::size_t count) {
  const InnerProduct product(vector.size());
  std::vector<NearFlight> candidates;
  if (vector.empty()) return candidates;
  for (const FlightPtr& flight : flights) {
    const FlightPlan& plan = flight->plan();
    if (plan.vector.size() != vector.size() || !Suffices(plan, request)) continue;
    candidates.push_back({flight, product(vector.data(), plan.vector.data())});
  }
  const std::size_t kept = std::min(count, candidates.size());
  const auto nearer = [](const NearFlight& a, const NearFlight& b) { return a.cosine > b.cosine; };
  std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                            nearer);
  candidates.resize(kept);
  return candidates;
}

}  // namespace

bool FlightStep::Compares(const JobState& state) const {
  return settings_.semantic && !state.exact_only && !state.own_entry_short &&
         !state.alone_in_its_words && !state.exploration && state.job->embedding.has_value() &&
         !trust_.BoundsErrors(*state.job->request);
}

Boarding FlightStep::WaitFor(const JobState& state) const {
  if (auto own = flights_.Find(state.job->identity)) return {std::move(own), false, {}};
  if (!Compares(state)) return {};
  Flights<FlightResult>::Seen seen;
  const auto others = flights_.Others(state.job->identity, seen);
  auto vector = ToHalf(*state.job->embedding);
  if (IsZero(vector)) return {};
  return Choose(state, vector, others).value_or(Boarding{});
}

Boarding FlightStep::Board(const JobState& state, int images) {
  // A copy: the flight's job stays as it is now, whatever the request does next.
  FlightPlan plan{.job = std::make_shared<const Job>(*state.job), .vector = {}, .images = images};
  if (state.job->embedding) plan.vector = ToHalf(*state.job->embedding);
  if (IsZero(plan.vector)) plan.vector.clear();
  const bool compares = Compares(state);
  Flights<FlightResult>::Seen seen;
  // Each turn compares flights that began since the last; the verifier runs outside the lock.
  while (true) {
    auto lease = flights_.Join(plan, compares ? &seen : nullptr);
    if (lease.flight) return {std::move(lease.flight), lease.leader, {}};
    if (auto chosen = Choose(state, plan.vector, lease.others)) return std::move(*chosen);
  }
}

bool FlightStep::GivesUp(JobState& state, const Error& error) {
  if (IsAboutTheText(error)) {
    state.alone_in_its_words = true;
    return false;
  }
  return ++state.failed_flights >= kMaxFailedFlights;
}

std::optional<Boarding> FlightStep::Choose(const JobState& state, const std::vector<Half>& vector,
                                           const Others& others) const {
  std::optional<Boarding> best;
  for (auto& [flight, cosine] :
       Nearest(others, *state.job->request, vector, settings_.candidates)) {
    const Job& made = *flight->plan().job;
    if (trust_.KeepsApart(*state.job, made)) continue;
    Verdict verdict = JudgePair(verifier_, {state.job->prompt, made.prompt, cosine},
                                {state.mode, settings_.calibration});
    if (!IsHit(verdict, state.decision.threshold)) continue;
    if (best && verdict.similarity <= best->match->verdict.similarity) continue;
    best = Boarding{flight, false, FlightMatch{std::move(verdict), cosine}};
    if (best->match->verdict.similarity >= 1) break;  // nothing can be nearer
  }
  return best;
}

}  // namespace reprise
