#include "upstream/routed_generator.h"

#include <algorithm>

#include "base/log.h"
#include "upstream/api_answer.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

// The caller's own mistake, or a gap of one upstream: of several failures these say least.
bool SaysLittle(const Error& error) {
  return error.code == Code::kInvalidArgument || error.code == Code::kNotFound;
}

}  // namespace

RoutedGenerator::~RoutedGenerator() = default;

Result<std::unique_ptr<RoutedGenerator>> RoutedGenerator::Create(std::vector<Upstream> upstreams,
                                                                 const RouteTable& routes,
                                                                 const Clock& clock) {
  for (auto one = upstreams.begin(); one != upstreams.end(); ++one) {
    const auto same = [&](const Upstream& other) {
      return other.generator->name() == one->generator->name();
    };
    if (std::any_of(upstreams.begin(), one, same)) {
      return Fail(Code::kInvalidArgument, "two upstreams are called '" +
                                              std::string(one->generator->name()) +
                                              "'; rename one of them in `upstreams`");
    }
  }
  std::unique_ptr<RoutedGenerator> made(new RoutedGenerator(std::move(upstreams), clock));
  if (auto added = made->AddRoutes(routes); !added) return std::unexpected(added.error());
  return made;
}

Result<void> RoutedGenerator::AddRoutes(const RouteTable& routes) {
  for (const auto& [model, route] : routes) {
    for (const RouteTarget& target : route) {
      const Upstream* upstream = Find(target.upstream);
      if (!upstream) {
        return Fail(Code::kInvalidArgument, "the route of '" + model + "' names the upstream '" +
                                                target.upstream + "', which does not exist");
      }
      routes_[model].push_back({target, upstream, std::make_unique<TargetTimes>(clock_)});
    }
  }
  return {};
}

const RoutedGenerator::Upstream* RoutedGenerator::Find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      upstreams_, [&](const Upstream& one) { return one.generator->name() == name; });
  return found == upstreams_.end() ? nullptr : &*found;
}

std::string_view RoutedGenerator::name() const {
  return upstreams_.size() == 1 ? upstreams_.front().generator->name() : "routes";
}

Task<Result<Generated>> RoutedGenerator::Generate(GenerateRequest request) {
  const Targets* targets = TargetsOf(request.model);
  if (!targets) co_return std::unexpected(NoRoute(request.model));
  std::vector<Failed> failed;
  std::vector<const Target*> order = Order(*targets, request);
  if (request.prefer == Preference::kSpeed) GiveChance(order);
  for (const Target* target : order) {
    ImageGenerator& upstream = *target->upstream->generator;
    const std::int64_t start_ms = clock_.NowMs();
    auto generated = co_await upstream.Generate(For(*target, request));
    if (generated) {
      target->times->Add(milliseconds(std::max<std::int64_t>(0, clock_.NowMs() - start_ms)));
      if (generated->upstream.empty()) generated->upstream = upstream.name();
      co_return generated;
    }
    if (Ends(*target, generated.error())) co_return generated;
    failed.push_back({upstream.name(), std::move(generated.error())});
    if (std::chrono::steady_clock::now() >= request.deadline) break;
    log::info("upstream {}: {}", upstream.name(), failed.back().error.message);
  }
  co_return std::unexpected(Summary(request.model, std::move(failed)));
}

std::optional<double> RoutedGenerator::ImagePrice(const GenerateRequest& request) const {
  const Targets* targets = TargetsOf(request.model);
  if (!targets) return {};
  const Target& first = *Order(*targets, request).front();
  return PriceOf(first.upstream->prices, For(first, request));
}

const RoutedGenerator::Targets* RoutedGenerator::TargetsOf(std::string_view model) const {
  auto found = routes_.find(model);
  if (found == routes_.end()) found = routes_.find(std::string_view(kAnyModel));
  return found == routes_.end() ? nullptr : &found->second;
}

Error RoutedGenerator::NoRoute(std::string_view model) const {
  std::string known;
  for (const auto& [name, targets] : routes_) known += (known.empty() ? "" : ", ") + name;
  return {.code = Code::kNotFound,
          .message = "the model '" + std::string(model) + "' has no route; there are routes for " +
                     (known.empty() ? "none" : known) +
                     " (settings routes and upstream.url; the route '*' takes every other model)",
          .param = "model",
          .upstream = "model_not_found"};
}

std::vector<const RoutedGenerator::Target*> RoutedGenerator::Order(const Targets& targets,
                                                                   const GenerateRequest& request) {
  // Equals stay in the configured order.
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    ranked.emplace_back(Rank(targets[i], request), i);
  }
  std::ranges::sort(ranked);
  std::vector<const Target*> order;
  for (const auto& [rank, index] : ranked) order.push_back(&targets[index]);
  return order;
}

// Puts first what others overtook, when it is due to be measured again.
void RoutedGenerator::GiveChance(std::vector<const Target*>& order) {
  const auto due = std::find_if(order.begin() + 1, order.end(),
                                [](const Target* target) { return target->times->PassOver(); });
  if (due != order.end()) std::rotate(order.begin(), due, due + 1);
}

// The lower, the earlier.
double RoutedGenerator::Rank(const Target& target, const GenerateRequest& request) {
  switch (request.prefer) {
    case Preference::kNone:
      return 0;
    case Preference::kQuality:
      return -target.route.quality;
    case Preference::kSpeed: {
      const auto measured = target.times->Median();
      return measured ? static_cast<double>(measured->count()) / 1000 : target.route.seconds;
    }
    case Preference::kPrice:
      return PriceOf(target.upstream->prices, For(target, request));
  }
  return 0;
}

GenerateRequest RoutedGenerator::For(const Target& target, const GenerateRequest& request) {
  GenerateRequest asked = request;
  if (!target.route.model.empty()) asked.model = target.route.model;
  return asked;
}

bool RoutedGenerator::Ends(const Target& target, const Error& error) {
  // Not a 403 about the account, say.
  const bool refused = error.code == Code::kForbidden &&
                       (SoundsLikeRefusal(error.upstream) || SoundsLikeRefusal(error.message));
  return refused && !target.route.next_on_refusal;
}

// The status is that of the first failure that says something, the advice the soonest.
Error RoutedGenerator::Summary(const std::string& model, std::vector<Failed> failed) {
  if (failed.size() == 1) return std::move(failed.front().error);
  auto telling = std::ranges::find_if_not(failed, SaysLittle, &Failed::error);
  if (telling == failed.end()) telling = failed.begin();
  Error all = telling->error;
  all.message = "every upstream of the model '" + model + "' failed";
  for (const Failed& one : failed) {
    all.message += "; " + std::string(one.upstream) + ": " + one.error.message;
    const long long wait = one.error.retry_after_ms;
    const bool sooner = all.retry_after_ms == 0 || wait < all.retry_after_ms;
    if (wait > 0 && sooner) all.retry_after_ms = wait;
  }
  return all;
}

Task<Result<void>> RoutedGenerator::Probe() {
  for (const Upstream& upstream : upstreams_) {
    auto probed = co_await upstream.generator->Probe();
    if (!probed) co_return probed;
  }
  co_return Result<void>();
}

std::vector<UpstreamStatus> RoutedGenerator::Status() const {
  std::vector<UpstreamStatus> all;
  for (const Upstream& upstream : upstreams_) {
    for (UpstreamStatus& status : upstream.generator->Status()) all.push_back(std::move(status));
  }
  return all;
}

}  // namespace reprise
