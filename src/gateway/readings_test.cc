#include "gateway/readings.h"

#include <gtest/gtest.h>

#include <thread>

#include "gateway/generation_reader.h"

namespace reprise {
namespace {

class ReadingsTest : public testing::Test {
 protected:
  // The prompt that was read for `text`.
  Result<std::string> Read(const std::string& text, const std::string& tenant = "default") {
    auto read = [&]() -> Result<ImageCall> {
      ++reads_;
      if (text.starts_with("bad")) return Fail(Code::kInvalidArgument, "bad");
      ImageCall call;
      call.request.prompt = text;
      return call;
    };
    const auto call = readings_.Get(request_, text, tenant, read);
    if (!call) return std::unexpected(call.error());
    EXPECT_EQ(RequestOf(*call)->tenant, tenant);
    return RequestOf(*call)->prompt;
  }

  http::Request request_;
  Readings<ImageCall> readings_{1};  // all share a slot
  int reads_ = 0;
};

TEST_F(ReadingsTest, EqualRequestsAreReadOnce) {
  EXPECT_EQ(Read("a"), "a");
  EXPECT_EQ(Read("a"), "a");
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ(Read("b"), "b");
  EXPECT_EQ(Read("a"), "a");
  EXPECT_EQ(reads_, 3);
}

TEST_F(ReadingsTest, AnotherTenantsAreNotEqual) {
  EXPECT_EQ(Read("a", "acme"), "a");
  EXPECT_EQ(Read("a", "apex"), "a");
  EXPECT_EQ(reads_, 2);
}

TEST_F(ReadingsTest, WhatTheHeadersSayIsReadEachTime) {
  for (const char* name : {"cache-control", "X-Reprise-Mode", "x-reprise-ttl"}) {
    request_.headers = {{name, "1"}};
    EXPECT_EQ(Read("a"), "a");
    EXPECT_EQ(Read("a"), "a");
  }
  EXPECT_EQ(reads_, 6);
  request_.headers = {{"Content-Type", "application/json"}, {"X-Request-Id", "1"}};
  EXPECT_EQ(Read("a"), "a");
  EXPECT_EQ(Read("a"), "a");
  EXPECT_EQ(reads_, 7);
}

TEST_F(ReadingsTest, ErrorsAndLongTextsAreNotKept) {
  const std::string text(4000, 'a');
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(Read("bad"));
    EXPECT_EQ(Read(text), text);
  }
  EXPECT_EQ(reads_, 4);
}

TEST(Readings, IsSafeForManyThreads) {
  Readings<ImageCall> readings(4);
  const http::Request request;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5000; ++n) {
        const std::string text = std::to_string(n % 23);
        auto read = [&]() -> Result<ImageCall> {
          ImageCall call;
          call.request.prompt = text;
          return call;
        };
        ASSERT_EQ((*readings.Get(request, text, "t", read))->request.prompt, text);
      }
    });
  }
}

}  // namespace
}  // namespace reprise
