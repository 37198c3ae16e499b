// Fills a data directory as a gateway would have: one entry per line of a file of prompts, each
// with its vector, all with one and the same picture. For benchmarks that need many stored prompts.
//
//   fill_store DATA PROMPTS [MODEL] [WIDTHxHEIGHT]
#include <cstdio>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "cache/identity.h"
#include "embed/embedder.h"
#include "image/image.h"
#include "image/vips_runtime.h"
#include "index/vector_index.h"
#include "store/blob_store.h"
#include "store/entry_store.h"

namespace reprise {
namespace {

// Puts under way at once, which the store commits together.
constexpr std::size_t kBatch = 1000;

struct Filler {
  IoThreads& io;
  EntryStore& entries;
  Embedder& embedder;
  std::string model;
  ImageSize size;
  StoredImage image;  // but for its id

  Entry EntryFor(const std::string& prompt) const {
    ImageRequest request;
    request.model = model;
    request.prompt = prompt;
    request.size = size;
    const Identity identity = MakeIdentity(request, false);
    Entry entry;
    entry.scope = identity.scope;
    entry.fingerprint = identity.fingerprint;
    entry.compatibility = identity.compatibility;
    entry.prompt = prompt;
    entry.model = model;
    entry.bucket = identity.bucket;
    entry.width = size.width;
    entry.height = size.height;
    entry.params = request.params;
    entry.images = {image};
    entry.images[0].id = identity.fingerprint.Hex().substr(0, 32);
    entry.created_ms = image.created_ms;
    entry.cost_usd = 0.04;
    return entry;
  }

  Task<Result<void>> Put(std::string prompt) const {
    const Prompt analyzed = Analyze(prompt);
    auto embedding = co_await embedder.Embed(analyzed);
    if (!embedding) co_return std::unexpected(embedding.error());
    StoredVector vector{std::string(embedder.identity()), ToHalf(*embedding)};
    auto id = co_await entries.Put(EntryFor(prompt), std::move(vector));
    if (!id) co_return std::unexpected(id.error());
    co_return Result<void>();
  }

  Result<void> PutAll(const std::vector<std::string>& prompts) const {
    std::vector<std::future<Result<void>>> puts;
    for (const std::string& prompt : prompts) {
      auto promise = std::make_shared<std::promise<Result<void>>>();
      puts.push_back(promise->get_future());
      Spawn(Strand(io.context()), detail::Fulfil(Put(prompt), promise), [](std::exception_ptr) {});
    }
    Result<void> all;
    for (auto& put : puts) {
      if (auto done = put.get(); !done) all = done;
    }
    return all;
  }
};

int Report(const Error& error) {
  std::fprintf(stderr, "fill_store: %s\n", error.message.c_str());
  return 1;
}

Result<std::size_t> FillFrom(std::istream& lines, const Filler& filler) {
  std::vector<std::string> batch;
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    batch.push_back(std::move(line));
    if (batch.size() < kBatch) continue;
    if (auto put = filler.PutAll(batch); !put) return std::unexpected(put.error());
    count += batch.size();
    batch.clear();
  }
  if (auto put = filler.PutAll(batch); !put) return std::unexpected(put.error());
  return count + batch.size();
}

int Run(const std::filesystem::path& data, const char* prompts, std::string model, ImageSize size) {
  if (auto images = InitImages(); !images) return Report(images.error());
  IoThreads io(0);
  WorkerPool workers(2, 10'000);
  auto entries = OpenSqliteEntryStore(data / "reprise.db");
  if (!entries) return Report(entries.error());
  auto blobs = OpenFileBlobStore(data / "blobs", workers);
  if (!blobs) return Report(blobs.error());
  auto bytes =
      DrawPicture({.text = "a stored picture", .width = size.width, .height = size.height});
  if (!bytes) return Report(bytes.error());
  const StoredImage image{.blob = Sha256(*bytes),
                          .media_type = "image/png",
                          .width = size.width,
                          .height = size.height,
                          .bytes = bytes->size(),
                          .created_ms = SystemClock().NowMs()};
  auto put = RunTask(io.context(), (*blobs)->Put(ShareBytes(std::move(*bytes))));
  if (!put) return Report(put.error());
  const auto embedder = MakeBuiltInEmbedder();
  std::ifstream lines(prompts);
  const auto count = FillFrom(lines, {io, **entries, *embedder, std::move(model), size, image});
  if (!count) return Report(count.error());
  std::printf("%zu entries\n", *count);
  return 0;
}

}  // namespace
}  // namespace reprise

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: fill_store DATA PROMPTS [MODEL] [WIDTHxHEIGHT]\n");
    return 2;
  }
  reprise::ImageSize size{1024, 1024};
  if (argc > 4 && std::sscanf(argv[4], "%dx%d", &size.width, &size.height) != 2) return 2;
  return reprise::Run(argv[1], argv[2], argc > 3 ? argv[3] : "gpt-image-1", size);
}
