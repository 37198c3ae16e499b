// What every upstream has to do, whatever API it speaks: each kind of generator against the
// simulator over HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "app/simulator.h"
#include "base/log.h"
#include "http/faulty_network_testing.h"
#include "http/raw_server_testing.h"
#include "image/image.h"
#include "upstream/upstream.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] = "sk-secret:0123456789";

// A simulator and what a generator needs, taken down in the order that waiting tasks need.
class World {
 public:
  explicit World(milliseconds latency = milliseconds(0))
      : simulator_(std::make_unique<Simulator>(loops_, io_.context(), *workers_,
                                               SimulatorOptions{.latency = latency})) {
    started_ = simulator_->Start().has_value();
  }
  ~World() {
    client_.Stop();
    simulator_->Drain(milliseconds(0));
    workers_->Join();
    StopAll(io_, loops_);
    workers_.reset();
  }

  bool started() const { return started_; }
  Simulator& simulator() { return *simulator_; }

  std::string Url(UpstreamKind kind, const std::string& origin) const {
    switch (kind) {
      case UpstreamKind::kOpenAi:
      case UpstreamKind::kChat:
        return origin + "/v1";
      case UpstreamKind::kRunPod:
        return origin + "/v2/endpoint";
      case UpstreamKind::kPollinations:
      case UpstreamKind::kAutomatic1111:
        return origin;
    }
    return origin;
  }

  std::unique_ptr<ImageGenerator> Make(UpstreamOptions options) {
    auto made = MakeUpstream(std::move(options), {client_, *workers_, clock_});
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  Result<Generated> Generate(UpstreamOptions options, GenerateRequest request) {
    auto generator = Make(std::move(options));
    return RunTask(io_.context(), generator->Generate(std::move(request)));
  }
  Result<void> Probe(UpstreamOptions options) {
    auto generator = Make(std::move(options));
    return RunTask(io_.context(), generator->Probe());
  }

 private:
  IoThreads io_{2};
  IoLoops loops_{1};
  std::unique_ptr<WorkerPool> workers_ = std::make_unique<WorkerPool>(2, 1000);
  http::Client client_;
  SystemClock clock_;
  std::unique_ptr<Simulator> simulator_;
  bool started_ = false;
};

class UpstreamConformance : public ::testing::TestWithParam<UpstreamKind> {
 protected:
  static void SetUpTestSuite() {
    log::Configure("off", "text");
    ASSERT_TRUE(InitImages());
    world_ = new World;
    ASSERT_TRUE(world_->started());
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }

  static UpstreamOptions OptionsAt(const std::string& origin) {
    UpstreamOptions options{.kind = GetParam(), .name = std::string(ToString(GetParam()))};
    options.base_url = world_->Url(GetParam(), origin);
    options.api_key = kKey;
    options.retry = {.max_attempts = 3, .base = milliseconds(1), .max = milliseconds(2)};
    options.poll_interval = milliseconds(5);
    return options;
  }
  static UpstreamOptions Options() { return OptionsAt(world_->simulator().origin()); }
  static UpstreamOptions OneShortAttempt() {
    UpstreamOptions options = Options();
    options.request_timeout = milliseconds(150);
    options.retry.max_attempts = 1;
    return options;
  }

  static GenerateRequest Request(const std::string& prompt, int count = 1) {
    return {.model = GetParam() == UpstreamKind::kOpenAi ? "gpt-image-1" : "simulated",
            .prompt = prompt,
            .count = count,
            .width = 96,
            .height = 64,
            .deadline = After(std::chrono::minutes(5))};
  }

  // What becomes of a prompt in the end, bytes that are no image included.
  static Result<void> Outcome(const std::string& prompt, UpstreamOptions options = Options()) {
    auto generated = world_->Generate(std::move(options), Request(prompt));
    if (!generated) return std::unexpected(generated.error());
    for (const GeneratedImage& image : generated->images) {
      if (auto info = CheckImage(*image.bytes); !info) return std::unexpected(info.error());
    }
    return {};
  }
  static void ExpectFails(const std::string& prompt, Code code,
                          UpstreamOptions options = Options()) {
    const auto outcome = Outcome(prompt, std::move(options));
    ASSERT_FALSE(outcome) << prompt;
    EXPECT_EQ(outcome.error().code, code) << prompt << ": " << outcome.error().message;
  }

  static std::uint64_t Calls() { return world_->simulator().image_calls(); }

  static World* world_;
};

World* UpstreamConformance::world_ = nullptr;

TEST_P(UpstreamConformance, GeneratesAnImageOfTheShapeAskedFor) {
  auto generated = world_->Generate(Options(), Request("a red fox"));
  ASSERT_TRUE(generated) << generated.error().message;
  ASSERT_EQ(generated->images.size(), 1u);
  EXPECT_EQ(generated->attempts, 1);
  const auto info = CheckImage(*generated->images[0].bytes);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_NEAR(static_cast<double>(info->width) / info->height, 1.5, 0.01);
  if (GetParam() == UpstreamKind::kChat) {  // knows shapes only, and says something
    EXPECT_THAT(generated->text, HasSubstr("picture"));
  } else {
    EXPECT_EQ(info->width, 96);
  }
}

TEST_P(UpstreamConformance, SeveralImagesDiffer) {
  for (const std::optional<std::int64_t> seed : {std::optional<std::int64_t>(), {7}}) {
    GenerateRequest request = Request("several foxes", 3);
    request.seed = seed;
    auto generated = world_->Generate(Options(), std::move(request));
    ASSERT_TRUE(generated) << generated.error().message;
    std::set<std::string> different;
    for (const GeneratedImage& image : generated->images) different.insert(*image.bytes);
    EXPECT_EQ(different.size(), 3u);
  }
}

TEST_P(UpstreamConformance, ASeedMakesAnImageRepeatable) {
  const auto bytes_of = [](std::optional<std::int64_t> seed) {
    GenerateRequest request = Request("a seeded fox");
    request.seed = seed;
    auto generated = world_->Generate(Options(), std::move(request));
    return generated ? *generated->images[0].bytes : generated.error().message;
  };
  EXPECT_EQ(bytes_of(42), bytes_of(42));
  EXPECT_NE(bytes_of(42), bytes_of(43));
  EXPECT_NE(bytes_of({}), bytes_of({}));
}

TEST_P(UpstreamConformance, OddPromptsArriveWhole) {
  const auto bytes_of = [](const std::string& prompt) {
    GenerateRequest request = Request(prompt);
    request.seed = 1;
    auto generated = world_->Generate(Options(), std::move(request));
    return generated ? *generated->images[0].bytes : generated.error().message;
  };
  const std::string odd = "50% \"caf\u00E9\"/bar? a&b=c #1\\\n\u8D64\u3044\u8ECA+plus";
  EXPECT_EQ(CheckImage(bytes_of(odd)).has_value(), true) << bytes_of(odd);
  EXPECT_NE(bytes_of(odd), bytes_of(odd.substr(0, 20)));
}

TEST_P(UpstreamConformance, ARefusalIsForbiddenAndNotRepeated) {
  const std::uint64_t before = Calls();
  const auto outcome = Outcome("simulate:refuse a fox");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kForbidden) << outcome.error().message;
  EXPECT_EQ(outcome.error().upstream, "content_policy_violation");
  EXPECT_EQ(Calls() - before, 1u);
}

TEST_P(UpstreamConformance, StatusesBecomeCodes) {
  const std::tuple<int, Code, std::uint64_t> cases[] = {
      {400, Code::kInvalidArgument, 1}, {401, Code::kBadUpstream, 1}, {402, Code::kBadUpstream, 1},
      {404, Code::kNotFound, 1},        {429, Code::kRateLimited, 1}, {500, Code::kUnavailable, 3},
      {503, Code::kUnavailable, 3}};
  for (const auto& [status, code, calls] : cases) {
    const std::uint64_t before = Calls();
    UpstreamOptions options = Options();
    if (status == 429) options.retry.max_attempts = 1;  // its Retry-After takes a second
    ExpectFails("simulate:error=" + std::to_string(status) + " a fox", code, options);
    EXPECT_EQ(Calls() - before, calls) << status;
  }
}

TEST_P(UpstreamConformance, ServerErrorsAreRepeated) {
  auto generated = world_->Generate(Options(), Request("simulate:flaky=2 a fox"));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 3);
}

TEST_P(UpstreamConformance, ARateLimitIsWaitedFor) {
  const auto start = std::chrono::steady_clock::now();
  auto generated = world_->Generate(Options(), Request("simulate:rate-limit a fox"));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_EQ(generated->attempts, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(1000));
}

TEST_P(UpstreamConformance, ARateLimitBeyondTheDeadlineIsToldAtOnce) {
  GenerateRequest request = Request("simulate:error=429 a cub");
  request.deadline = After(milliseconds(900));
  auto generated = world_->Generate(Options(), std::move(request));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kRateLimited) << generated.error().message;
  EXPECT_EQ(generated.error().retry_after_ms, 1000);
}

TEST_P(UpstreamConformance, WhatTakesTooLongEndsByItsTimeout) {
  ExpectFails("simulate:hang a fox", Code::kDeadlineExceeded, OneShortAttempt());
  GenerateRequest request = Request("simulate:trickle a fox");
  request.width = request.height = 512;  // several seconds' worth of pieces
  auto generated = world_->Generate(OneShortAttempt(), std::move(request));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kDeadlineExceeded) << generated.error().message;
}

TEST_P(UpstreamConformance, WhatIsNoImageIsABadUpstream) {
  const std::uint64_t before = Calls();
  ExpectFails("simulate:not-an-image a fox", Code::kBadUpstream);
  ExpectFails("simulate:truncated a fox", Code::kBadUpstream);
  ExpectFails("simulate:empty a fox", Code::kBadUpstream);
  EXPECT_EQ(Calls() - before, 3u);  // none was paid for twice
}

TEST_P(UpstreamConformance, LargeImagesAreTakenUpToTheLimit) {
  const auto whole = Outcome("simulate:big a fox");
  EXPECT_TRUE(whole) << whole.error().message;
  UpstreamOptions options = Options();
  options.max_image_bytes = 10u << 20;
  ExpectFails("simulate:big a fox", Code::kTooLarge, options);
}

TEST_P(UpstreamConformance, ARefusedConnectionIsUnavailable) {
  http::RefusingPort port;
  const std::string origin = port.Url("");
  ExpectFails("a fox", Code::kUnavailable, OptionsAt(origin));
  const auto probed = world_->Probe(OptionsAt(origin));
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code, Code::kUnavailable);
}

// The whole image or an error with its reason, whatever becomes of the connections and whenever.
TEST_P(UpstreamConformance, AFailingNetworkGivesTheImageOrAnError) {
  using http::NetworkFault;
  static constexpr NetworkFault::Kind kKinds[] = {
      NetworkFault::Kind::kNone, NetworkFault::Kind::kRefuse, NetworkFault::Kind::kReset,
      NetworkFault::Kind::kClose, NetworkFault::Kind::kSilence};
  const auto request = [] {
    GenerateRequest request = Request("a fox on a bad line");
    request.seed = 1;
    return request;
  };
  auto whole = world_->Generate(Options(), request());
  ASSERT_TRUE(whole) << whole.error().message;
  std::mt19937 random(11);
  int images = 0, errors = 0;
  for (int round = 0; round < 60; ++round) {
    http::FaultyNetwork network(world_->simulator().port(), [&random] {
      NetworkFault fault{.kind = kKinds[random() % std::size(kKinds)]};
      fault.of_request = random() % 4 == 0;
      fault.after = random() % (random() % 2 == 0 ? 200 : 20'000);
      if (random() % 4 == 0) fault.piece = 1 + random() % 3000;
      if (random() % 4 == 0) fault.delay = milliseconds(random() % 3);
      return fault;
    });
    UpstreamOptions options = OptionsAt(network.Url());
    options.request_timeout = milliseconds(250);
    options.retry.max_attempts = 2;
    auto generated = world_->Generate(std::move(options), request());
    if (generated) {
      EXPECT_EQ(*generated->images.at(0).bytes, *whole->images.at(0).bytes);
      ++images;
      continue;
    }
    ++errors;
    const Code code = generated.error().code;
    EXPECT_TRUE(code == Code::kUnavailable || code == Code::kDeadlineExceeded ||
                code == Code::kBadUpstream)
        << static_cast<int>(code) << ": " << generated.error().message;
    EXPECT_NE(generated.error().message, "");
  }
  EXPECT_GT(images, 5);
  EXPECT_GT(errors, 5);
}

TEST_P(UpstreamConformance, APassedDeadlineSendsNothing) {
  const std::uint64_t before = Calls();
  GenerateRequest request = Request("a late fox");
  request.deadline = After(milliseconds(-1));
  auto generated = world_->Generate(Options(), std::move(request));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(Calls(), before);
}

TEST_P(UpstreamConformance, ImpossibleRequestsAreRefusedUnsent) {
  const std::uint64_t before = Calls();
  GenerateRequest odd = Request("a fox");
  odd.params = "[]";
  for (const GenerateRequest& request : {Request("a fox", 0), odd}) {
    auto generated = world_->Generate(Options(), request);
    ASSERT_FALSE(generated);
    EXPECT_EQ(generated.error().code, Code::kInvalidArgument);
  }
  EXPECT_EQ(Calls(), before);
}

TEST_P(UpstreamConformance, InputImagesShapeTheImageOrAreRefused) {
  const auto edit = [](const Picture& picture) {
    GenerateRequest request = Request("an edited fox");
    request.operation = "edit";
    request.seed = 1;
    request.inputs = {{.bytes = ShareBytes(*DrawPicture(picture)), .media_type = "image/png"}};
    return world_->Generate(Options(), std::move(request));
  };
  const auto one = edit({.text = "one", .width = 64, .height = 64});
  if (GetParam() != UpstreamKind::kOpenAi && GetParam() != UpstreamKind::kChat) {
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, Code::kInvalidArgument);
    return;
  }
  ASSERT_TRUE(one) << one.error().message;
  const auto two = edit({.text = "two", .width = 64, .height = 64});
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_NE(*one->images[0].bytes, *two->images[0].bytes);
}

TEST_P(UpstreamConformance, TheKeyIsInNoError) {
  for (const int status : {200, 302, 400, 401, 403, 404, 429, 500}) {
    http::RawServer echo([status](const std::string& request) {
      // The key as it came, which may be base64, and as the operator wrote it.
      const auto at = request.find("Authorization: ") + 15;
      const std::string sent = request.substr(at, request.find('\r', at) - at);
      return http::JsonReply(status, R"({"error":{"message":"bad )" + sent + " " + kKey +
                                         R"(","code":")" + kKey + "\"},\"status\":\"" + sent +
                                         R"(","message":")" + sent + "\"}");
    });
    UpstreamOptions options = OptionsAt(echo.Url(""));
    const auto outcome = Outcome("a fox", options);
    const std::string request = echo.requests().at(0);
    EXPECT_THAT(request, HasSubstr("Authorization: "));
    const auto at = request.find("Authorization: ") + 15;
    const std::string header = request.substr(at, request.find('\r', at) - at);
    ASSERT_FALSE(outcome) << status;
    const Error& error = outcome.error();
    const std::string shown = error.message + error.param + error.upstream;
    EXPECT_THAT(shown, Not(HasSubstr(kKey))) << status;
    EXPECT_THAT(shown, Not(HasSubstr(header.substr(header.find(' ') + 1)))) << status;
  }
}

TEST_P(UpstreamConformance, ProbeGeneratesNothing) {
  const std::uint64_t before = Calls();
  const auto probed = world_->Probe(Options());
  EXPECT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(Calls(), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UpstreamConformance,
                         ::testing::Values(UpstreamKind::kOpenAi, UpstreamKind::kChat,
                                           UpstreamKind::kRunPod, UpstreamKind::kPollinations,
                                           UpstreamKind::kAutomatic1111),
                         [](const auto& info) { return std::string(ToString(info.param)); });

// Jobs are RunPod's alone.
class RunPodJobs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    log::Configure("off", "text");
    ASSERT_TRUE(InitImages());
  }

  static UpstreamOptions Options(World& world) {
    UpstreamOptions options{.kind = UpstreamKind::kRunPod, .name = "runpod"};
    options.base_url = world.simulator().origin() + "/v2/endpoint";
    options.poll_interval = milliseconds(5);
    return options;
  }
  static GenerateRequest Request(milliseconds patience) {
    return {
        .prompt = "simulate:queue a fox", .width = 64, .height = 64, .deadline = After(patience)};
  }
};

TEST_F(RunPodJobs, AreAskedAfterUntilTheyAreDone) {
  World world(milliseconds(100));
  ASSERT_TRUE(world.started());
  auto generated = world.Generate(Options(world), Request(std::chrono::minutes(5)));
  ASSERT_TRUE(generated) << generated.error().message;
  EXPECT_TRUE(CheckImage(*generated->images.at(0).bytes));
  EXPECT_EQ(world.simulator().image_calls(), 1u);
  EXPECT_EQ(world.simulator().cancelled_jobs(), 0u);
}

TEST_F(RunPodJobs, AreCancelledWhenTheirTimeIsUp) {
  World world(std::chrono::hours(1));
  ASSERT_TRUE(world.started());
  auto generated = world.Generate(Options(world), Request(milliseconds(600)));
  ASSERT_FALSE(generated);
  EXPECT_EQ(generated.error().code, Code::kDeadlineExceeded) << generated.error().message;
  EXPECT_EQ(world.simulator().cancelled_jobs(), 1u);
}

}  // namespace
}  // namespace reprise
