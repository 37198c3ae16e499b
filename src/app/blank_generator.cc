#include "app/blank_generator.h"

#include <map>
#include <mutex>
#include <utility>

#include "image/image.h"

namespace reprise {
namespace {

Result<std::string> DrawBlank(int width, int height) {
  const auto seed = DrawPicture({.text = "", .width = 16, .height = 16});
  if (!seed) return seed;
  return RenderImage(*seed, {.width = width, .height = height});
}

class BlankGenerator final : public ImageGenerator {
 public:
  explicit BlankGenerator(WorkerPool& workers) : workers_(workers) {}

  std::string_view name() const override { return "blank"; }

  Task<Result<Generated>> Generate(GenerateRequest request) override {
    const int width = request.width == 0 ? 1024 : request.width;
    const int height = request.height == 0 ? 1024 : request.height;
    auto image = co_await Blank(width, height);
    if (!image) co_return std::unexpected(image.error());
    Generated generated;
    generated.images.assign(static_cast<std::size_t>(request.count),
                            {.bytes = *image, .revised_prompt = {}});
    co_return generated;
  }

  Task<Result<void>> Probe() override { co_return Result<void>(); }

 private:
  Task<Result<SharedBytes>> Blank(int width, int height) {
    const std::pair size(width, height);
    if (SharedBytes known = Find(size)) co_return known;
    auto draw = [width, height] { return DrawBlank(width, height); };
    auto drawn = co_await workers_.Run(std::move(draw));
    if (!drawn) co_return std::unexpected(drawn.error());
    const std::lock_guard lock(mutex_);
    co_return drawn_.try_emplace(size, ShareBytes(std::move(*drawn))).first->second;
  }

  SharedBytes Find(std::pair<int, int> size) {
    const std::lock_guard lock(mutex_);
    const auto found = drawn_.find(size);
    return found == drawn_.end() ? nullptr : found->second;
  }

  WorkerPool& workers_;
  std::mutex mutex_;
  std::map<std::pair<int, int>, SharedBytes> drawn_;
};

}  // namespace

std::unique_ptr<ImageGenerator> MakeBlankGenerator(WorkerPool& workers) {
  return std::make_unique<BlankGenerator>(workers);
}

}  // namespace reprise
