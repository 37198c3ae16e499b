// Several upstreams as one: a request goes to those its model's route names, one after the other,
// until one answers. Safe for any thread.
//
// A failure that another upstream may not have goes on to the next: no answer, an error, a limit,
// an unusable answer, an unknown model or parameter. A refusal of the content ends the request,
// unless the target says otherwise.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "upstream/image_generator.h"
#include "upstream/price.h"
#include "upstream/route_table.h"
#include "upstream/target_times.h"

namespace reprise {

class RoutedGenerator final : public ImageGenerator {
 public:
  struct Upstream {
    std::unique_ptr<ImageGenerator> generator;  // its name is what routes call it
    PriceTable prices;                          // for `prefer: price`
  };

  // kInvalidArgument when two upstreams have one name, or a route names one that is not there.
  // `clock` outlives it.
  static Result<std::unique_ptr<RoutedGenerator>> Create(std::vector<Upstream> upstreams,
                                                         const RouteTable& routes,
                                                         const Clock& clock);
  ~RoutedGenerator() override;

  // The upstream's name where there is one only.
  std::string_view name() const override;

  // kNotFound for a model without a route. When every target failed, the error tells what each
  // said; a single one's is passed on as it is.
  Task<Result<Generated>> Generate(GenerateRequest request) override;

  std::optional<double> ImagePrice(const GenerateRequest& request) const override;

  // Of every upstream; the first failure.
  Task<Result<void>> Probe() override;

  std::vector<UpstreamStatus> Status() const override;

 private:
  struct Target {
    RouteTarget route;
    const Upstream* upstream = nullptr;
    std::unique_ptr<TargetTimes> times;
  };
  using Targets = std::vector<Target>;
  struct Failed {
    std::string_view upstream;
    Error error;
  };

  RoutedGenerator(std::vector<Upstream> upstreams, const Clock& clock)
      : upstreams_(std::move(upstreams)), clock_(clock) {}
  Result<void> AddRoutes(const RouteTable& routes);
  const Upstream* Find(std::string_view name) const;
  const Targets* TargetsOf(std::string_view model) const;
  Error NoRoute(std::string_view model) const;

  // In the order in which they are asked.
  static std::vector<const Target*> Order(const Targets& targets, const GenerateRequest& request);
  static void GiveChance(std::vector<const Target*>& order);
  static double Rank(const Target& target, const GenerateRequest& request);
  static GenerateRequest For(const Target& target, const GenerateRequest& request);
  static bool Ends(const Target& target, const Error& error);
  static Error Summary(const std::string& model, std::vector<Failed> failed);

  const std::vector<Upstream> upstreams_;
  const Clock& clock_;
  std::map<std::string, Targets, std::less<>> routes_;
};

}  // namespace reprise
