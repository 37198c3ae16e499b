// What the demo plays: prompts as people type them, in the order of a working day.
#pragma once

#include <span>

namespace reprise {

enum class DemoKind {
  kNew,        // nothing like it before
  kRepeat,     // exactly as before
  kRephrased,  // the same picture in other words
  kNearMiss,   // looks alike, asks for another picture: must not hit
  kBurst,      // several people at the same moment
};

struct DemoStep {
  DemoKind kind;
  const char* prompt;
  const char* size = "1024x1024";
};

std::span<const DemoStep> DemoScript();

}  // namespace reprise
