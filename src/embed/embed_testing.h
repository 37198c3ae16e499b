// What the tests of this folder share: threads for tasks, and answers of embedding APIs.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/io_threads.h"
#include "base/worker_pool.h"
#include "embed/embedder.h"
#include "http/client.h"
#include "http/raw_server_testing.h"

namespace reprise {

// Two I/O threads. A test that owns an embedder calls Stop in its own destructor, as tasks may
// still refer to it.
class EmbedderTest : public ::testing::Test {
 protected:
  ~EmbedderTest() override { Stop(); }

  // Ends calls that are under way, and drops tasks that wait.
  void Stop() {
    client_.Stop();
    workers_.Join();
    io_.Stop();
  }

  Result<Embedding> Embed(Embedder& embedder, const std::string& text) {
    const Prompt prompt = Analyze(text);
    return RunTask(io_.context(), embedder.Embed(prompt));
  }

  // All at once, each from a task of its own.
  std::vector<Result<Embedding>> EmbedAll(Embedder& embedder,
                                          const std::vector<std::string>& texts) {
    std::vector<Result<Embedding>> all(texts.size(), Fail(Code::kInternal, "not run"));
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      callers.emplace_back([&, i] { all[i] = Embed(embedder, texts[i]); });
    }
    for (auto& caller : callers) caller.join();
    return all;
  }

  IoThreads io_{2};
  http::Client client_;
  WorkerPool workers_{2, 64};
  ManualClock clock_;
};

inline nlohmann::json BodyOf(const std::string& request) {
  return nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
}

// The embedding that the test's API gives a text: it tells equal texts from others.
inline std::vector<double> FakeVector(const std::string& text) {
  double sum = 1;
  for (unsigned char c : text) sum = sum * 1.01 + c;
  return {sum, static_cast<double>(text.size()), 1.0};
}

inline http::RawReply EmbeddingsReply(const std::string& request) {
  nlohmann::json data = nlohmann::json::array();
  nlohmann::json body = BodyOf(request);
  for (const auto& text : body["input"]) {
    data.push_back({{"object", "embedding"},
                    {"index", data.size()},
                    {"embedding", FakeVector(text.get<std::string>())}});
  }
  return http::JsonReply(200, nlohmann::json{{"data", data}}.dump());
}

inline void ExpectVector(const Result<Embedding>& found, const std::string& text) {
  ASSERT_TRUE(found) << text << ": " << found.error().message;
  const auto expected = FakeVector(text);
  ASSERT_EQ(found->size(), expected.size());
  double squares = 0;
  for (double x : expected) squares += x * x;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR((*found)[i], expected[i] / std::sqrt(squares), 1e-6) << text;
  }
}

}  // namespace reprise
