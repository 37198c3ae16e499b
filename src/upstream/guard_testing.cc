#include "upstream/guard_testing.h"

namespace reprise {
namespace {

class FakeUpstream final : public ImageGenerator {
 public:
  FakeUpstream(std::string name, std::shared_ptr<FakeScript> script)
      : name_(std::move(name)), script_(std::move(script)) {}

  std::string_view name() const override { return name_; }
  Task<Result<Generated>> Generate(GenerateRequest request) override {
    FakeScript::Step step = script_->Take(request);
    if (step.gate && !co_await step.gate->WaitUntil(request.deadline)) {
      co_return Fail(Code::kDeadlineExceeded, "no answer in time");
    }
    co_return std::move(step.answer);
  }
  Task<Result<void>> Probe() override { co_return Result<void>(); }

 private:
  const std::string name_;
  const std::shared_ptr<FakeScript> script_;
};

}  // namespace

FakeScript::Step FakeScript::Take(const GenerateRequest& request) {
  std::lock_guard lock(mutex_);
  calls_.push_back(request);
  if (steps_.empty()) return {OneImage(), nullptr};
  Step step = std::move(steps_.front());
  steps_.pop_front();
  return step;
}

Generated OneImage() {
  static const std::string bytes = *DrawPicture({.text = "", .width = 8, .height = 8});
  Generated generated;
  generated.images.push_back({ShareBytes(bytes), ""});
  return generated;
}

std::unique_ptr<ImageGenerator> MakeFakeUpstream(std::string name,
                                                 std::shared_ptr<FakeScript> script) {
  return std::make_unique<FakeUpstream>(std::move(name), std::move(script));
}

GenerateRequest AskFor(std::string model, std::string tenant) {
  GenerateRequest request;
  request.model = std::move(model);
  request.tenant = std::move(tenant);
  request.prompt = "a fox";
  request.deadline = After(std::chrono::seconds(60));
  return request;
}

}  // namespace reprise
