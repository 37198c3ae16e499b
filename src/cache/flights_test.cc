#include "cache/flights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/io_threads.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FlightPlan Plan(const std::string& prompt, const std::string& partition = "here") {
  auto job = std::make_shared<Job>();
  job->identity.compatibility = Sha256(partition);
  job->identity.fingerprint = Sha256(partition + prompt);
  return {.job = std::move(job), .vector = {}, .images = 1};
}

using IntFlights = Flights<int>;

TEST(FlightsTest, OneLeaderUntilItLands) {
  IntFlights flights;
  const FlightPlan plan = Plan("a");
  EXPECT_EQ(flights.Find(plan.job->identity), nullptr);
  const auto leader = flights.Join(plan, nullptr);
  EXPECT_TRUE(leader.leader);
  const auto other = flights.Join(plan, nullptr);
  EXPECT_FALSE(other.leader);
  EXPECT_EQ(other.flight, leader.flight);
  EXPECT_EQ(flights.Find(plan.job->identity), leader.flight);
  EXPECT_EQ(flights.Find(Plan("b").job->identity), nullptr);
  EXPECT_EQ(flights.size(), 1u);
  flights.Land(leader.flight, 7);
  EXPECT_EQ(flights.size(), 0u);
  EXPECT_TRUE(flights.Join(plan, nullptr).leader);

  IoThreads io(1);
  EXPECT_EQ(RunTask(io.context(), other.flight->WaitUntil(After(std::chrono::seconds(5)))), 7);
}

TEST(FlightsTest, OtherWordsAreShownOnceBeforeOneLeads) {
  IntFlights flights;
  const auto a = flights.Join(Plan("a"), nullptr).flight;
  const auto b = flights.Join(Plan("b"), nullptr).flight;
  const auto there = flights.Join(Plan("a", "there"), nullptr).flight;
  IntFlights::Seen seen;
  const auto first = flights.Join(Plan("c"), &seen);
  EXPECT_EQ(first.flight, nullptr);
  EXPECT_THAT(first.others, ElementsAre(a, b)) << "not those of other partitions";
  const auto d = flights.Join(Plan("d"), nullptr).flight;
  const auto second = flights.Join(Plan("c"), &seen);
  EXPECT_EQ(second.flight, nullptr);
  EXPECT_THAT(second.others, ElementsAre(d)) << "only what began meanwhile";
  const auto third = flights.Join(Plan("c"), &seen);
  EXPECT_TRUE(third.leader);
  EXPECT_THAT(third.others, IsEmpty());
  IntFlights::Seen fresh;
  EXPECT_EQ(flights.Join(Plan("b"), &fresh).flight, b) << "its own words need no comparison";
}

TEST(FlightsTest, WhatHasLandedIsNotShownButCounted) {
  IntFlights flights;
  const FlightPlan plan = Plan("a");
  const auto a = flights.Join(plan, nullptr).flight;
  const auto before = flights.Landings(plan.job->identity);
  flights.Land(a, 1);
  IntFlights::Seen seen;
  EXPECT_THAT(flights.Others(plan.job->identity, seen), IsEmpty());
  EXPECT_TRUE(flights.Join(Plan("b"), &seen).leader);
  EXPECT_NE(flights.Landings(plan.job->identity), before);
}

TEST(FlightsTest, OfManyThreadsOneLeads) {
  IntFlights flights;
  for (int round = 0; round < 50; ++round) {
    const FlightPlan plan = Plan(std::to_string(round));
    std::atomic<int> leaders = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { leaders += flights.Join(plan, nullptr).leader; });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(leaders, 1);
  }
}

// Of threads that would share any flight they see, one leads, whatever its words.
TEST(FlightsTest, OfManyThreadsInOtherWordsOneLeads) {
  for (int round = 0; round < 200; ++round) {
    IntFlights flights;
    std::atomic<int> leaders = 0, joined = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        IntFlights::Seen seen;
        const auto lease = flights.Join(Plan(std::to_string(i)), &seen);
        leaders += lease.leader;
        joined += !lease.others.empty();
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(leaders, 1);
    ASSERT_EQ(joined, 3);
  }
}

}  // namespace
}  // namespace reprise
