#include "app/simulator.h"

#include "app/simulator_apis.h"
#include "gateway/errors.h"

namespace reprise {

class Simulator::Impl {
 public:
  Impl(IoLoops& loops, asio::io_context& context, WorkerPool& workers, SimulatorOptions options)
      : core_(context, workers, std::move(options)),
        apis_(Apis(core_)),
        server_(loops, ServerOptionsOf(core_.options()), Routes(), ErrorResponse) {}

  http::Server& server() { return server_; }
  const SimulatorCore& core() const { return core_; }

 private:
  static std::vector<std::unique_ptr<Surface>> Apis(SimulatorCore& core) {
    std::vector<std::unique_ptr<Surface>> apis;
    for (const auto make : {SimulateOpenAi, SimulateEmbeddings, SimulateChat, SimulateRunPod,
                            SimulatePollinations, SimulateAutomatic1111}) {
      apis.push_back(make(core));
    }
    return apis;
  }

  static http::ServerOptions ServerOptionsOf(const SimulatorOptions& options) {
    constexpr std::size_t kBodyBytes = 64u << 20;  // edits carry images
    return {.host = options.host, .port = options.port, .body_bytes = kBodyBytes};
  }

  http::Router Routes() {
    http::Router router;
    for (const auto& api : apis_) api->AddRoutes(router);
    router.Add("GET", "/_images/{id}", RouteTo(this, &Impl::Image));
    router.Add("GET", "/_calls", RouteTo(this, &Impl::Calls));
    return router;
  }

  Task<http::Response> Image(http::RequestPtr request) {
    co_return core_.Kept(request->params.at(0));
  }

  Task<http::Response> Calls(http::RequestPtr) { co_return http::Json(200, core_.Calls().dump()); }

  SimulatorCore core_;
  const std::vector<std::unique_ptr<Surface>> apis_;
  http::Server server_;
};

Simulator::Simulator(IoLoops& loops, asio::io_context& context, WorkerPool& workers,
                     SimulatorOptions options)
    : impl_(std::make_unique<Impl>(loops, context, workers, std::move(options))) {}
Simulator::~Simulator() = default;
Result<void> Simulator::Start() {
  return impl_->server().Start();
}
std::uint16_t Simulator::port() const {
  return impl_->server().port();
}
std::string Simulator::origin() const {
  return "http://" + impl_->core().options().host + ":" + std::to_string(port());
}
std::string Simulator::base_url() const {
  return origin() + "/v1";
}
std::uint64_t Simulator::image_calls() const {
  return impl_->core().image_calls();
}
std::uint64_t Simulator::cancelled_jobs() const {
  return impl_->core().cancelled_jobs();
}
bool Simulator::Drain(std::chrono::milliseconds patience) {
  return impl_->server().Drain(patience);
}

}  // namespace reprise
