// The whole gateway, built by hand in one place: threads, stores, cache, upstream, routes, server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/key_watch.h"
#include "app/simulator.h"
#include "base/clock.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "gateway/access.h"
#include "gateway/gateway.h"
#include "http/client.h"
#include "http/client_bounds.h"
#include "http/server.h"
#include "store/spending_store.h"
#include "upstream/budget.h"
#include "upstream/price.h"
#include "work/batches.h"

namespace reprise {

class Service {
 public:
  // Opens the stores, reads what they hold, starts serving. Without an upstream in the
  // configuration it starts a simulated one in this process.
  static Result<std::unique_ptr<Service>> Start(const Config& config);

  // Shutdown with no patience, if it was not called.
  ~Service();

  // Finishes the requests under way, then stops everything. False: some were cut off.
  bool Shutdown(std::chrono::milliseconds patience);

  std::string url() const;                             // "http://127.0.0.1:8484"
  Simulator* simulator() { return simulator_.get(); }  // null when no route leads to it
  std::string admin_url() const;                       // empty: the same
  bool tls() const { return tls_ != nullptr; }
  // Reads certificate and key again; on an error the old ones stay. Only where there is TLS.
  Result<void> ReloadTls() { return tls_->Reload(); }
  bool keys_required() const { return access_->required(); }
  Gateway& gateway() { return *gateway_; }
  http::Client& client() { return client_; }
  IoThreads& io() { return io_; }

 private:
  explicit Service(const Config& config);
  Result<void> OpenBudget(ImageCacheParts& parts, std::unique_ptr<SpendingStore> store);
  Result<void> OpenUpstreams(ImageCacheParts& parts);
  Result<void> OpenCache();
  Result<bool> OwnsBlobs();
  Result<void> OpenAccess();
  Result<void> OpenBatches(std::unique_ptr<BatchStore> store);
  Result<void> OpenTls();
  Result<void> OpenServer();
  Result<std::unique_ptr<http::Server>> Serve(const std::string& listen, http::Router routes);
  Task<> MaintainForever();

  // Declared in the order of their needs; Shutdown takes them down by hand, because tasks that wait
  // refer to all of them.
  const Config config_;
  SystemClock clock_;
  IoThreads io_;  // for what is done for nobody in particular, or for several: generations, batches
  IoLoops loops_;  // for connections and their requests
  std::shared_ptr<http::ClientBounds> bounds_;
  std::unique_ptr<WorkerPool> workers_;
  http::Client client_;
  std::unique_ptr<Simulator> simulator_;
  std::function<void()> join_writes_;  // see SqliteStores
  std::unique_ptr<SpendingLog> spending_;
  std::unique_ptr<ImageCache> cache_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<KeyWatch> key_watch_;
  std::unique_ptr<Batches> batches_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<http::TlsIdentity> tls_;  // null: plain HTTP; outlives the servers
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> admin_server_;  // null: server_ has everything
  bool stopped_ = false;
};

// The version CMake was given, e.g. "0.1.0".
std::string_view Version();

}  // namespace reprise
