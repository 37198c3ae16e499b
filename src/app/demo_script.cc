#include "app/demo_script.h"

namespace reprise {
namespace {

using enum DemoKind;

constexpr DemoStep kScript[] = {
    {kNew, "a red fox in the snow"},
    {kRepeat, "a red fox in the snow"},
    {kRephrased, "A red fox in snow."},
    {kRephrased, "please draw a red fox in the snow, 8k, masterpiece"},
    {kNearMiss, "a grey fox in the snow"},
    {kNearMiss, "a red fox in the snow, no trees"},
    {kNew, "a blue sports car parked by a house"},
    {kNearMiss, "a grey sports car parked by a house"},
    {kRephrased, "blue sports car, parked by a house"},
    {kRepeat, "a blue sports car parked by a house"},
    {kNew, "two cats sleeping on a sofa"},
    {kRephrased, "2 cats sleeping on a sofa"},
    {kNearMiss, "three cats sleeping on a sofa"},
    {kNearMiss, "two dogs sleeping on a sofa"},
    {kNew, "a dog chasing a cat"},
    {kNearMiss, "a cat chasing a dog"},
    {kNew, "a neon sign that says \"OPEN\""},
    {kNearMiss, "a neon sign that says \"CLOSED\""},
    {kRephrased, "A neon sign that says \"OPEN\"!"},
    {kNew, "a lighthouse to the left of a bridge"},
    {kNearMiss, "a lighthouse to the right of a bridge"},
    {kNew, "a watercolor of a small village, morning light"},
    {kRephrased, "morning light, a watercolor of a small village"},
    {kNearMiss, "a pencil sketch of a small village, morning light"},
    {kRephrased, "a watercolour of a small village, morning light"},
    {kRephrased, "A red fox in the snow", "768x768"},
    {kNew, "a red cube on a blue sphere"},
    {kNearMiss, "a blue cube on a red sphere"},
    {kNew,
     "\xD0\xBA\xD1\x80\xD0\xB0\xD1\x81\xD0\xBD\xD0\xB0\xD1\x8F "
     "\xD0\xBC\xD0\xB0\xD1\x88\xD0\xB8\xD0\xBD\xD0\xB0"},
    {kNearMiss, "\xE8\xB5\xA4\xE3\x81\x84\xE8\xBB\x8A"},
    {kBurst, "a crowded night market in the rain"},
    {kRepeat, "a crowded night market in the rain"},
    {kRepeat, "two cats sleeping on a sofa"},
    {kRepeat, "a red fox in the snow"},
};

}  // namespace

std::span<const DemoStep> DemoScript() {
  return kScript;
}

}  // namespace reprise
