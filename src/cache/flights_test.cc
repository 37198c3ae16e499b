#include "cache/flights.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/io_threads.h"

namespace reprise {
namespace {

TEST(FlightsTest, OneLeaderUntilItLands) {
  Flights<int> flights;
  const Digest fingerprint = Sha256("a");
  EXPECT_EQ(flights.Find(fingerprint), nullptr);
  const auto leader = flights.Join(fingerprint);
  EXPECT_TRUE(leader.leader);
  const auto other = flights.Join(fingerprint);
  EXPECT_FALSE(other.leader);
  EXPECT_EQ(other.flight, leader.flight);
  EXPECT_EQ(flights.Find(fingerprint), leader.flight);
  EXPECT_EQ(flights.Find(Sha256("b")), nullptr);
  EXPECT_EQ(flights.size(), 1u);
  flights.Land(fingerprint, leader.flight, 7);
  EXPECT_EQ(flights.size(), 0u);
  EXPECT_TRUE(flights.Join(fingerprint).leader);

  IoThreads io(1);
  EXPECT_EQ(RunTask(io.context(), other.flight->WaitUntil(After(std::chrono::seconds(5)))), 7);
}

TEST(FlightsTest, OfManyThreadsOneLeads) {
  Flights<int> flights;
  for (int round = 0; round < 50; ++round) {
    const Digest fingerprint = Sha256(std::to_string(round));
    std::atomic<int> leaders = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { leaders += flights.Join(fingerprint).leader; });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(leaders, 1);
  }
}

}  // namespace
}  // namespace reprise
