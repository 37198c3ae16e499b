// A request's step through what is being generated now: waits for the flight of its own
// fingerprint, or for one in other words that the verifier takes for the same picture, or leads a
// new one. Each request is compared with the text that is really being generated, never with
// another that waits for it, so meanings do not drift from one to the next. Plain code, safe for
// any thread.
#pragma once

#include <optional>

#include "cache/flights.h"
#include "cache/generation.h"
#include "cache/job.h"
#include "cache/settings.h"
#include "cache/trust.h"
#include "index/inner_product.h"
#include "prompt/verifier.h"

namespace reprise {

using FlightResult = Result<FreshPtr>;  // a null pointer: look again
using FlightPtr = Flights<FlightResult>::FlightPtr;

struct FlightMatch {
  Verdict verdict;
  float cosine = 0;
};

struct Boarding {
  FlightPtr flight;                  // null: none to wait for (WaitFor only)
  bool leader = false;               // the caller has the images generated, and lands the flight
  std::optional<FlightMatch> match;  // the flight is for other words
};

class FlightStep {
 public:
  // All of them outlive this object.
  FlightStep(const Verifier& verifier, const CacheSettings& settings, const Trust& trust)
      : verifier_(verifier), settings_(settings), trust_(trust) {}

  FlightPtr FindOwn(const JobState& state) const { return flights_.Find(state.job->identity); }

  // A flight to wait for; never leads.
  Boarding WaitFor(const JobState& state) const;

  // A flight to wait for, or a new one that brings `images`.
  Boarding Board(const JobState& state, int images);

  void Land(const FlightPtr& flight, FlightResult result) {
    flights_.Land(flight, std::move(result));
  }

  // Notes that the flight for other words that the request waited for has failed. False: it looks
  // for another way; true: it takes the error.
  static bool GivesUp(JobState& state, const Error& error);

  // See Flights::Landings.
  std::uint64_t Landings(const JobState& state) const {
    return flights_.Landings(state.job->identity);
  }

 private:
  using Others = std::vector<FlightPtr>;
  bool Compares(const JobState& state) const;
  // The most similar of `others` that may answer the request.
  std::optional<Boarding> Choose(const JobState& state, const std::vector<Half>& vector,
                                 const Others& others) const;

  const Verifier& verifier_;
  const CacheSettings& settings_;
  const Trust& trust_;
  Flights<FlightResult> flights_;
};

}  // namespace reprise
