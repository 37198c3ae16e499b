// Whatever a kill -9 cuts short, the next start loads what is stored. The child is this test program
// itself, run again with CRASH_PLACE set: it changes entries and writes snapshots without end, and
// reports each step, so that it is killed in the middle of some later one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "cache/snapshot_testing.h"

namespace reprise {
namespace {

constexpr int kReport = 3;  // the child's descriptor, a byte for each step

TEST(SnapshotCrashChild, DISABLED_ChangesEntriesUntilKilled) {
  const char* place = std::getenv("CRASH_PLACE");
  if (!place) GTEST_SKIP() << "started by SnapshotCrash only";
  SnapshotNode node(place);
  std::mt19937 random(std::random_device{}());
  for (;;) {
    node.keeper().Kick();
    const int number = static_cast<int>(random() % 60) + 1;
    random() % 4 == 0 ? node.Remove(number) : node.Put(number, random() % 5 != 0);
    if (::write(kReport, "x", 1) != 1) std::abort();
  }
}

struct Child {
  pid_t pid;
  int steps;
};

Child StartChild(const std::filesystem::path& place) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
  // Above kReport, or dup2 would leave O_CLOEXEC set.
  const int report = ::fcntl(pipe[1], F_DUPFD_CLOEXEC, kReport + 1);
  ::close(pipe[1]);
  const std::string environment = "CRASH_PLACE=" + place.string();
  // Between fork and exec only what a signal handler may call.
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::dup2(report, kReport);
    char* arguments[] = {const_cast<char*>("child"),
                         const_cast<char*>("--gtest_filter=SnapshotCrashChild.*"),
                         const_cast<char*>("--gtest_also_run_disabled_tests"),
                         const_cast<char*>("--gtest_brief=1"), nullptr};
    char* environ[] = {const_cast<char*>(environment.c_str()), nullptr};
    ::execve("/proc/self/exe", arguments, environ);
    ::_exit(127);
  }
  ::close(report);
  return {pid, pipe[0]};
}

// Gives how many steps were reported.
std::size_t KillAfter(const Child& child, std::size_t enough) {
  std::size_t steps = 0;
  char step;
  while (steps < enough && ::read(child.steps, &step, 1) == 1) ++steps;
  ::kill(child.pid, SIGKILL);
  ::close(child.steps);
  ::waitpid(child.pid, nullptr, 0);
  return steps;
}

TEST(SnapshotCrash, AnyMomentIsSafe) {
  ScratchDirectory data;
  std::mt19937 random(3);
  int from_snapshot = 0;
  constexpr int kRounds = 12;
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t enough = 20 + random() % 60;
    ASSERT_EQ(KillAfter(StartChild(data.path()), enough), enough);
    SnapshotNode node(data.path());
    from_snapshot += node.LoadAndCompare().from_snapshot;
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
  EXPECT_GT(from_snapshot, 0);
}

}  // namespace
}  // namespace reprise
