#include "app/service.h"

#include <asio/ip/address.hpp>
#include <thread>

#include "app/embedder_factory.h"
#include "app/upstream_factory.h"
#include "base/log.h"
#include "gateway/batch_json.h"
#include "gateway/errors.h"
#include "http/tls.h"
#include "store/disk_space.h"
#include "store/key_store.h"
#include "store/store_id.h"

namespace reprise {
namespace {

constexpr std::size_t kWorkerQueue = 10'000;
constexpr std::chrono::seconds kMaintainEvery{10};

std::chrono::milliseconds TimeUntil(Deadline deadline) {
  using std::chrono::milliseconds;
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(left));
}

OpenAiSettings OpenAiOf(const Config& config) {
  return {.default_model = config.default_model, .prompt_chars = config.prompt_chars};
}

class StoredSpending final : public SpendingLog {
 public:
  explicit StoredSpending(std::unique_ptr<SpendingStore> store) : store_(std::move(store)) {}

  Task<Result<void>> Add(std::int64_t day, std::string tenant, double usd) override {
    return store_->Add(day, std::move(tenant), usd);
  }
  Result<std::map<std::string, double>> SpentOn(std::int64_t day) const override {
    return store_->SpentOn(day);
  }

 private:
  const std::unique_ptr<SpendingStore> store_;
};

std::vector<std::string> RoutedModels(const RouteTable& routes) {
  std::vector<std::string> models;
  for (const auto& [model, route] : routes) models.push_back(model);
  return models;
}

BudgetLimits BudgetLimitsOf(const Config& config) {
  BudgetLimits limits{
      .total_usd = config.budget_total_usd, .default_usd = config.budget_usd, .tenant_usd = {}};
  for (const auto& [name, tenant] : config.cache.tenants) {
    if (tenant.budget_usd) limits.tenant_usd[name] = *tenant.budget_usd;
  }
  return limits;
}

bool IsLoopback(const std::string& host) {
  asio::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

// A gateway that anybody may use is not shown to a network by oversight.
Result<void> CheckExposure(const std::string& listen, AccessSettings::Mode mode) {
  const auto address = http::ParseListen(listen);
  if (!address) return std::unexpected(address.error());
  if (IsLoopback(address->first)) return {};
  if (mode == AccessSettings::Mode::kOff) {
    log::warn(
        "auth is off: whoever reaches {} may use this gateway, spend on its upstreams, and "
        "remove what is stored",
        listen);
    return {};
  }
  return Fail(Code::kInvalidArgument,
              "no API key is configured, and listening on " + listen +
                  " would let anybody in: add one with `reprise keys add NAME`, or set auth: "
                  "required and add one later, or listen on 127.0.0.1; auth: off serves everybody");
}

std::string UrlOf(bool tls, const std::string& listen, std::uint16_t port) {
  const auto address = http::ParseListen(listen);
  const std::string host = address ? address->first : "127.0.0.1";
  const bool v6 = host.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

}  // namespace

std::filesystem::path DatabaseOf(const Config& config) {
  return config.data / "reprise.db";
}

std::string_view Version() {
  return REPRISE_VERSION;
}

Service::Service(const Config& config)
    : config_(config),
      io_(config.threads),
      loops_(config.threads),
      bounds_(std::make_shared<http::ClientBounds>(config.connections_per_address,
                                                   config.bodies_bytes)),
      workers_(std::make_unique<WorkerPool>(std::max(1u, std::thread::hardware_concurrency()),
                                            kWorkerQueue)) {}

Result<std::unique_ptr<Service>> Service::Start(const Config& config) {
  if (auto images = InitImages(); !images) return std::unexpected(images.error());
  std::unique_ptr<Service> service(new Service(config));
  if (auto opened = service->OpenTls(); !opened) return std::unexpected(opened.error());
  if (auto opened = service->OpenCache(); !opened) return std::unexpected(opened.error());
  if (auto opened = service->OpenServer(); !opened) return std::unexpected(opened.error());
  Spawn(Strand(service->io_.context()), service->MaintainForever(), [](std::exception_ptr) {});
  return service;
}

Result<void> Service::OpenBudget(ImageCacheParts& parts, std::unique_ptr<SpendingStore> store) {
  spending_ = std::make_unique<StoredSpending>(std::move(store));
  parts.budget = std::make_unique<Budget>(BudgetLimitsOf(config_), *spending_, clock_);
  return parts.budget->Load();
}

Result<void> Service::OpenUpstreams(ImageCacheParts& parts) {
  std::string simulator_url;
  if (NeedsSimulator(config_)) {
    simulator_ =
        std::make_unique<Simulator>(loops_, io_.context(), *workers_,
                                    SimulatorOptions{.latency = config_.simulator_latency,
                                                     .error_rate = config_.simulator_error_rate});
    if (auto started = simulator_->Start(); !started) return started;
    simulator_url = simulator_->base_url();
  }
  auto upstream = MakeUpstreams(config_, simulator_url, {client_, *workers_, clock_},
                                {*workers_, clock_, parts.budget.get()});
  if (!upstream) return std::unexpected(upstream.error());
  parts.upstream = std::move(*upstream);
  return {};
}

Result<void> Service::OpenCache() {
  std::error_code error;
  std::filesystem::create_directories(config_.data, error);
  if (error) {
    return Fail(Code::kUnavailable, "cannot make the data directory " + config_.data.string() +
                                        ": " + error.message() + "; choose another with --data");
  }
  ImageCacheParts parts;
  parts.sync_errors = std::make_shared<SyncErrors::element_type>(0);
  auto stores = OpenSqliteStores(DatabaseOf(config_),
                                 {.sync = config_.sync, .sync_errors = parts.sync_errors});
  if (!stores) return std::unexpected(stores.error());
  join_writes_ = std::move(stores->join);
  auto blobs = OpenFileBlobStore(config_.data / "blobs", *workers_,
                                 {.sync = config_.sync, .sync_errors = parts.sync_errors});
  if (!blobs) return std::unexpected(blobs.error());
  if (auto opened = OpenBudget(parts, std::move(stores->spending)); !opened) return opened;
  if (auto opened = OpenUpstreams(parts); !opened) return opened;
  if (auto opened = OpenAccess(); !opened) return opened;
  parts.entries = std::move(stores->entries);
  parts.history = std::move(stores->history);
  parts.snapshots.place.directory = config_.data / "snapshots";
  parts.trust = std::move(stores->trust);
  if (!config_.judge.base_url.empty()) parts.judge = MakeChatJudge(config_.judge, client_);
  parts.blobs = std::move(*blobs);
  const auto owned = OwnsBlobs();
  if (!owned) return std::unexpected(owned.error());
  parts.removes_leaks = *owned;
  parts.free_disk = [data = config_.data] { return FreeDiskBytes(data); };
  auto embedder = MakeEmbedder(config_.embedder, {client_, *workers_, io_.context(), clock_});
  if (!embedder) return std::unexpected(embedder.error());
  parts.embedder = std::move(*embedder);
  parts.verifier = MakeLexicalVerifier();
  parts.prices = PricesOf(config_);
  cache_ = std::make_unique<ImageCache>(std::move(parts), config_.cache, io_.context(), *workers_,
                                        clock_);
  if (auto loaded = RunTask(io_.context(), cache_->Load()); !loaded) return loaded;
  return OpenBatches(std::move(stores->batches));
}

// False after the database was replaced: then its files are left to whoever did so.
Result<bool> Service::OwnsBlobs() {
  auto keys = OpenSqliteKeyStore(DatabaseOf(config_));
  if (!keys) return std::unexpected(keys.error());
  const auto secret = (*keys)->Secret("store");
  if (!secret) return std::unexpected(secret.error());
  const std::filesystem::path blobs = config_.data / "blobs";
  const auto owned = BlobsBelongTo(Sha256("blobs of " + *secret).Hex(), blobs);
  if (owned && !*owned) {
    log::warn(
        "the files in {} belong to another database than {}: none is removed. Put that database "
        "back, or run `reprise doctor --repair`, which removes what this one does not know",
        blobs.string(), DatabaseOf(config_).string());
  }
  return owned;
}

Result<void> Service::OpenAccess() {
  auto keys = OpenSqliteKeyStore(DatabaseOf(config_));
  if (!keys) return std::unexpected(keys.error());
  auto access = Access::Open(std::move(*keys), config_.access, clock_);
  if (!access) return std::unexpected(access.error());
  access_ = std::move(*access);
  for (const std::string& listen : {config_.listen, config_.admin_listen}) {
    if (listen.empty() || access_->required()) continue;
    if (auto allowed = CheckExposure(listen, config_.access.mode); !allowed) return allowed;
  }
  key_watch_ = std::make_unique<KeyWatch>(*access_);
  return {};
}

Result<void> Service::OpenBatches(std::unique_ptr<BatchStore> store) {
  ImageCache* const cache = cache_.get();
  batches_ = std::make_unique<Batches>(
      Batches::Parts{
          .store = std::move(store),
          .api = MakeBatchApi(OpenAiOf(config_), access_.get()),
          .handle = [cache](ImageRequestPtr request) { return cache->Handle(std::move(request)); },
          .client = client_,
          .context = io_.context(),
          .clock = clock_},
      config_.batches);
  return batches_->Load();
}

Result<void> Service::OpenTls() {
  const http::TlsFiles& files = config_.tls;
  if (files.certificate.empty() && files.key.empty()) return {};
  if (files.certificate.empty() || files.key.empty()) {
    return Fail(Code::kInvalidArgument,
                "TLS takes both tls.certificate and tls.key; set the other one too, or neither");
  }
  auto identity = http::TlsIdentity::Load(files);
  if (!identity) return std::unexpected(identity.error());
  tls_ = std::move(*identity);
  return {};
}

Result<void> Service::OpenServer() {
  gateway_ =
      std::make_unique<Gateway>(GatewayParts{*cache_, client_, *workers_, *batches_, *bounds_},
                                GatewaySettings{.openai = OpenAiOf(config_),
                                                .chat = {.url = config_.chat_url,
                                                         .api_key = config_.chat_key,
                                                         .timeout = config_.cache.request_timeout},
                                                .models = RoutedModels(config_.routes),
                                                .public_url = config_.public_url,
                                                .tls = tls_ != nullptr,
                                                .version = std::string(Version()),
                                                .access = access_.get()});
  const http::Router routes = gateway_->Routes();
  if (!config_.admin_listen.empty()) {
    auto admin = Serve(config_.admin_listen, access_->Guard(routes));
    if (!admin) return std::unexpected(admin.error());
    admin_server_ = std::move(*admin);
  }
  const auto door = admin_server_ ? Access::Door::kPublic : Access::Door::kEverything;
  auto server = Serve(config_.listen, access_->Guard(routes, door));
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

Result<std::unique_ptr<http::Server>> Service::Serve(const std::string& listen,
                                                     http::Router routes) {
  auto address = http::ParseListen(listen);
  if (!address) return std::unexpected(address.error());
  http::ServerOptions options{
      .host = address->first,
      .port = address->second,
      .body_bytes = config_.body_bytes,
      .header_bytes = config_.header_bytes,
      .header_count = config_.header_count,
      .connections = config_.connections,
      .read_timeout = config_.read_timeout,
      .write_timeout = config_.write_timeout,
      // Above every wait of a handler, so that it answers by itself.
      .handle_timeout = 3 * config_.cache.request_timeout + std::chrono::seconds(60),
      .tls = tls_,
      .bounds = bounds_};
  auto server =
      std::make_unique<http::Server>(loops_, std::move(options), std::move(routes), ErrorResponse);
  if (auto started = server->Start(); !started) return std::unexpected(started.error());
  return server;
}

Task<> Service::MaintainForever() {
  while (true) {
    co_await Sleep(kMaintainEvery);
    const auto maintained = co_await cache_->Maintain();
    if (!maintained) log::error("maintenance: {}", maintained.error().message);
    const auto tidied = co_await batches_->Maintain();
    if (!tidied) log::error("maintenance of batches: {}", tidied.error().message);
  }
}

Service::~Service() {
  Shutdown(std::chrono::milliseconds(0));
}

bool Service::Shutdown(std::chrono::milliseconds patience) {
  if (stopped_) return true;
  stopped_ = true;
  const Deadline deadline = After(patience);
  if (gateway_) gateway_->StartDraining();
  if (batches_) batches_->Stop();
  bool drained = !server_ || server_->Drain(patience);
  if (admin_server_) drained = admin_server_->Drain(TimeUntil(deadline)) && drained;
  // Images of batches that are being made are kept; what has not begun waits for the next start.
  if (batches_) drained = batches_->Drain(TimeUntil(deadline)) && drained;
  // What upstreams are making is paid for, if nobody waits for it too: a RunPod job's, say.
  while (cache_ && cache_->generations_under_way() > 0 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // Calls that are under way still end now; what they had is stored or was not acknowledged.
  client_.Stop();
  if (cache_) {
    cache_->Stop();
    const auto flushed = RunTask(io_.context(), cache_->Maintain());
    if (!flushed) log::error("use counts were not written: {}", flushed.error().message);
  }
  if (simulator_) simulator_->Drain(std::chrono::milliseconds(0));
  workers_->Join();
  StopAll(io_, loops_, std::exchange(join_writes_, nullptr));
  workers_.reset();  // with the tasks that still wait for it
  server_.reset();
  admin_server_.reset();
  gateway_.reset();
  batches_.reset();
  key_watch_.reset();
  access_.reset();
  cache_.reset();
  spending_.reset();
  simulator_.reset();
  return drained;
}

std::string Service::url() const {
  return UrlOf(tls(), config_.listen, server_->port());
}

std::string Service::admin_url() const {
  return admin_server_ ? UrlOf(tls(), config_.admin_listen, admin_server_->port()) : "";
}

}  // namespace reprise
