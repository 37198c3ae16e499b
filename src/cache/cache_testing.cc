#include "cache/cache_testing.h"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "base/log.h"

namespace reprise {
namespace {

Error Fault(std::string_view what) {
  return {.code = Code::kUnavailable, .message = std::string(what) + " fails, as the test asked"};
}

class FaultyBlobStore final : public BlobStore {
 public:
  FaultyBlobStore(std::unique_ptr<BlobStore> store, std::shared_ptr<StoreFaults> faults)
      : store_(std::move(store)), faults_(std::move(faults)) {}

  Task<Result<Digest>> Put(SharedBytes bytes) override {
    ++faults_->puts;
    if (faults_->put) co_return std::unexpected(Fault("putting a blob"));
    co_return co_await store_->Put(std::move(bytes));
  }
  Task<Result<std::optional<SharedBytes>>> Get(const Digest& digest) override {
    const Digest wanted = digest;
    ++faults_->gets;
    if (faults_->get) co_return std::unexpected(Fault("getting a blob"));
    co_return co_await store_->Get(wanted);
  }
  Task<Result<bool>> Has(const Digest& digest) override {
    const Digest wanted = digest;
    if (faults_->get) co_return std::unexpected(Fault("looking for a blob"));
    co_return co_await store_->Has(wanted);
  }
  Task<Result<void>> Remove(const Digest& digest) override {
    const Digest gone = digest;
    ++faults_->removes;
    if (const Gate gate = faults_->removal_gate()) {
      co_await gate->WaitUntil(After(std::chrono::seconds(60)));
    }
    if (faults_->remove) co_return std::unexpected(Fault("removing a blob"));
    co_return co_await store_->Remove(gone);
  }
  Task<Result<std::vector<Digest>>> List(std::uint8_t first_byte) override {
    if (faults_->get) co_return std::unexpected(Fault("listing blobs"));
    co_return co_await store_->List(first_byte);
  }
  Task<Result<void>> Probe() override { return store_->Probe(); }

 private:
  const std::unique_ptr<BlobStore> store_;
  const std::shared_ptr<StoreFaults> faults_;
};

class FaultyEntryStore final : public EntryStore {
 public:
  FaultyEntryStore(std::unique_ptr<EntryStore> store, std::shared_ptr<StoreFaults> faults)
      : store_(std::move(store)), faults_(std::move(faults)) {}

  Task<Result<std::uint64_t>> Put(Entry entry, StoredVector vector) override {
    ++faults_->puts;
    if (faults_->put) co_return std::unexpected(Fault("putting an entry"));
    co_return co_await store_->Put(std::move(entry), std::move(vector));
  }
  Task<Result<void>> Remove(std::vector<std::uint64_t> ids) override {
    ++faults_->removes;
    if (const Gate gate = faults_->removal_gate()) {
      co_await gate->WaitUntil(After(std::chrono::seconds(60)));
    }
    if (faults_->remove) co_return std::unexpected(Fault("removing an entry"));
    co_return co_await store_->Remove(std::move(ids));
  }
  Task<Result<void>> PutVectors(std::vector<EntryVector> vectors) override {
    ++faults_->vector_puts;
    if (faults_->vectors) co_return std::unexpected(Fault("putting vectors"));
    co_return co_await store_->PutVectors(std::move(vectors));
  }
  Task<Result<void>> AddUse(std::vector<EntryUse> uses) override {
    if (faults_->use) co_return std::unexpected(Fault("counting uses"));
    ++faults_->use_writes;
    faults_->used_rows += static_cast<int>(uses.size());
    co_return co_await store_->AddUse(std::move(uses));
  }
  Result<void> ForEach(const std::function<void(Entry&&, StoredVector&&)>& visit) const override {
    return store_->ForEach(visit);
  }
  Task<Result<void>> Probe() override { return store_->Probe(); }

 private:
  const std::unique_ptr<EntryStore> store_;
  const std::shared_ptr<StoreFaults> faults_;
};

class FaultyEmbedder final : public Embedder {
 public:
  FaultyEmbedder(std::shared_ptr<EmbedderFaults> faults, std::string identity)
      : faults_(std::move(faults)), identity_(std::move(identity)) {
    if (identity_.empty()) identity_ = embedder_->identity();
  }

  std::string_view identity() const override { return identity_; }
  std::size_t dimensions() const override {
    return faults_->unknown_dimensions ? 0 : embedder_->dimensions();
  }
  Task<Result<Embedding>> Embed(const Prompt& prompt) override {
    ++faults_->embeds;
    if (const Gate gate = faults_->gate()) {
      co_await gate->WaitUntil(After(std::chrono::seconds(60)));
    }
    if (faults_->embed) co_return std::unexpected(Fault("embedding"));
    if (faults_->refuse) co_return Fail(Code::kInvalidArgument, "this prompt is not embedded");
    auto embedded = co_await embedder_->Embed(prompt);
    if (identity_ != embedder_->identity()) std::ranges::reverse(*embedded);
    if (faults_->dimensions > 0) embedded->resize(faults_->dimensions);
    co_return embedded;
  }

 private:
  const std::unique_ptr<Embedder> embedder_ = MakeBuiltInEmbedder();
  const std::shared_ptr<EmbedderFaults> faults_;
  std::string identity_;
};

class ScriptedGenerator final : public ImageGenerator {
 public:
  explicit ScriptedGenerator(std::shared_ptr<UpstreamScript> script) : script_(std::move(script)) {}

  std::string_view name() const override { return "script"; }
  Task<Result<Generated>> Generate(GenerateRequest request) override {
    return script_->Run(std::move(request));
  }
  Task<Result<void>> Probe() override { co_return Result<void>(); }

 private:
  const std::shared_ptr<UpstreamScript> script_;
};

void Check(const Result<void>& done) {
  if (!done) throw std::runtime_error(done.error().message);
}

}  // namespace

ImageRequest With(ImageRequest request, const std::function<void(ImageRequest&)>& change) {
  change(request);
  return request;
}

std::string Kind(const Answer& answer) {
  if (!answer.reply) return "error: " + std::string(CodeName(answer.reply.error().code));
  std::string kind(ToString(answer.decision.outcome));
  if (answer.decision.type != HitType::kNone) {
    kind += " " + std::string(ToString(answer.decision.type));
  }
  return kind;
}

std::vector<std::string> AnswerBytes(const Answer& answer) {
  std::vector<std::string> all;
  if (!answer.reply) return all;
  for (const ServedImage& image : answer.reply->images) all.push_back(*image.bytes);
  return all;
}

ScratchDirectory::ScratchDirectory() {
  static std::atomic<int> count = 0;
  path_ = std::filesystem::temp_directory_path() /
          ("reprise-cache-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::filesystem::create_directories(path_);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void StoreFaults::HoldRemovals(Gate gate) {
  std::lock_guard lock(mutex_);
  removal_gate_ = std::move(gate);
}

Gate StoreFaults::removal_gate() const {
  std::lock_guard lock(mutex_);
  return removal_gate_;
}

void EmbedderFaults::Hold(Gate gate) {
  std::lock_guard lock(mutex_);
  gate_ = std::move(gate);
}

Gate EmbedderFaults::gate() const {
  std::lock_guard lock(mutex_);
  return gate_;
}

std::unique_ptr<BlobStore> MakeFaultyBlobStore(std::unique_ptr<BlobStore> store,
                                               std::shared_ptr<StoreFaults> faults) {
  return std::make_unique<FaultyBlobStore>(std::move(store), std::move(faults));
}

std::unique_ptr<EntryStore> MakeFaultyEntryStore(std::unique_ptr<EntryStore> store,
                                                 std::shared_ptr<StoreFaults> faults) {
  return std::make_unique<FaultyEntryStore>(std::move(store), std::move(faults));
}

std::unique_ptr<Embedder> MakeFaultyEmbedder(std::shared_ptr<EmbedderFaults> faults,
                                             std::string identity) {
  return std::make_unique<FaultyEmbedder>(std::move(faults), std::move(identity));
}

std::string UniqueImage(int width, int height) {
  static std::atomic<unsigned long long> seed = 0;
  return *DrawPicture({.text = "", .width = width, .height = height, .seed = ++seed});
}

void UpstreamScript::SetAnswer(Answer answer) {
  std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

void UpstreamScript::Hold(Gate gate) {
  std::lock_guard lock(mutex_);
  gate_ = std::move(gate);
}

Task<Result<Generated>> UpstreamScript::Run(GenerateRequest request) {
  Answer answer;
  Gate gate;
  {
    std::lock_guard lock(mutex_);
    calls_.push_back(request);
    answer = answer_;
    gate = gate_;
  }
  if (gate) co_await gate->WaitUntil(After(std::chrono::seconds(60)));
  auto generated = answer(request);
  if (generated) {
    std::lock_guard lock(mutex_);
    for (const auto& image : generated->images) {
      prompts_[*image.bytes] = request.prompt;
      made_.emplace_back(image.bytes, request);
    }
  }
  co_return generated;
}

std::vector<GenerateRequest> UpstreamScript::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

int UpstreamScript::images_made() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(prompts_.size());
}

std::vector<std::pair<SharedBytes, GenerateRequest>> UpstreamScript::TakeMade() {
  std::lock_guard lock(mutex_);
  return std::exchange(made_, {});
}

std::string UpstreamScript::PromptOf(const std::string& bytes) const {
  std::lock_guard lock(mutex_);
  const auto found = prompts_.find(bytes);
  return found == prompts_.end() ? "" : found->second;
}

Result<Generated> UpstreamScript::Draw(const GenerateRequest& request) {
  Generated generated{.images = {}, .usage = R"({"total_tokens":7})", .attempts = 1};
  for (int i = 0; i < request.count; ++i) {
    const int width = request.width == 0 ? 32 : request.width;
    const int height = request.height == 0 ? 32 : request.height;
    generated.images.push_back({ShareBytes(UniqueImage(width, height)), ""});
  }
  return generated;
}

std::unique_ptr<ImageGenerator> MakeScriptedGenerator(std::shared_ptr<UpstreamScript> script) {
  return std::make_unique<ScriptedGenerator>(std::move(script));
}

ImageRequest Ask(std::string prompt) {
  ImageRequest request;
  request.model = "gpt-image-1";
  request.prompt = std::move(prompt);
  request.size = {32, 32};
  return request;
}

TestCache::TestCache(CacheSettings settings, std::shared_ptr<FaultyDisk> disk, SyncMode sync)
    : disk_(std::move(disk)), sync_(sync), settings_(settings) {
  Check(log::Configure("off", "text"));
  Check(InitImages());
  Open();
}

TestCache::~TestCache() {
  Close();
  workers_.Join();
  io_.Stop();
}

void TestCache::Open() {
  ImageCacheParts parts;
  Files* const files = disk_ ? disk_.get() : &SystemFiles();
  parts.sync_errors = std::make_shared<SyncErrors::element_type>(0);
  auto stores =
      Take(OpenSqliteStores(directory_.path() / "entries.db",
                            {.sync = sync_, .sync_errors = parts.sync_errors, .files = files}));
  parts.entries = MakeFaultyEntryStore(std::move(stores.entries), entry_faults);
  parts.history = std::move(stores.history);
  parts.snapshots = {.place = {snapshot_path()}, .least_changes = snapshot_least_changes};
  parts.trust = std::move(stores.trust);
  parts.random = random;
  parts.free_disk = [free = free_disk]() -> Result<std::uint64_t> { return free->load(); };
  if (make_judge) parts.judge = make_judge();
  auto blobs = Take(OpenFileBlobStore(
      blob_path(), workers_, {.sync = sync_, .sync_errors = parts.sync_errors, .files = files}));
  parts.blobs = MakeFaultyBlobStore(std::move(blobs), blob_faults);
  parts.embedder = MakeFaultyEmbedder(embedder_faults, embedder_identity_);
  parts.verifier = MakeLexicalVerifier();
  parts.upstream = MakeScriptedGenerator(upstream);
  parts.prices.SetDefault(0.04);
  entries_ = parts.entries.get();
  cache_ =
      std::make_unique<ImageCache>(std::move(parts), settings_, io_.context(), workers_, clock);
  Check(RunTask(io_.context(), cache_->Load()));
}

void TestCache::Close() {
  if (cache_) cache_->Stop();
  WaitUntilIdle();
  cache_.reset();
}

void TestCache::Reopen() {
  Close();
  Open();
}

void TestCache::Crash() {
  disk_->CutPowerAfter(0);
  Close();
  disk_->RestorePower();
  Open();
}

void TestCache::Reopen(CacheSettings settings) {
  settings_ = settings;
  Reopen();
}

void TestCache::ReopenWithEmbedder(std::string identity) {
  embedder_identity_ = std::move(identity);
  Reopen();
}

void TestCache::WaitUntilIdle() {
  while (cache_ && cache_->tasks_under_way() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Answer TestCache::Handle(ImageRequest request) {
  return Start(std::move(request)).get();
}

std::future<Answer> TestCache::Start(ImageRequest request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  auto task = cache_->Handle(std::make_shared<const ImageRequest>(std::move(request)));
  Spawn(Strand(io_.context()), detail::Fulfil(std::move(task), promise), [](std::exception_ptr) {});
  return future;
}

std::vector<Answer> TestCache::HandleAll(const std::vector<ImageRequest>& requests) {
  std::vector<Task<Answer>> tasks;
  for (const ImageRequest& request : requests) {
    tasks.push_back(cache_->Handle(std::make_shared<const ImageRequest>(request)));
  }
  return RunAll(io_.context(), std::move(tasks));
}

Result<ServedImage> TestCache::Image(std::string name, std::optional<std::string> tenant) {
  return RunTask(io_.context(), cache_->Image(std::move(name), std::move(tenant)));
}

Result<void> TestCache::Maintain() {
  return RunTask(io_.context(), cache_->Maintain());
}

std::vector<std::filesystem::path> TestCache::BlobFiles() const {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(blob_path())) {
    const auto folder = file.path().parent_path().filename().string();
    if (file.is_regular_file() && folder.size() == 2) files.push_back(file.path());
  }
  return files;
}

std::vector<Entry> TestCache::Rows() const {
  std::vector<Entry> rows;
  Check(
      entries_->ForEach([&](Entry&& entry, StoredVector&&) { rows.push_back(std::move(entry)); }));
  return rows;
}

}  // namespace reprise
