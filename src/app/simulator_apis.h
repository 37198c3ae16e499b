// The APIs that the simulator speaks, each in a file of its own. Their paths do not overlap, so one
// server has all of them. `core` outlives what is made.
#pragma once

#include <memory>

#include "app/simulator_core.h"
#include "gateway/surface.h"

namespace reprise {

// POST /v1/images/generations, /edits and /variations; GET /v1/models.
std::unique_ptr<Surface> SimulateOpenAi(SimulatorCore& core);
// POST /v1/embeddings.
std::unique_ptr<Surface> SimulateEmbeddings(SimulatorCore& core);
// POST /v1/chat/completions; without image output it repeats what it was told.
std::unique_ptr<Surface> SimulateChat(SimulatorCore& core);
// POST /v2/{endpoint}/runsync, /run and /cancel/{id}; GET /v2/{endpoint}/status/{id} and /health.
std::unique_ptr<Surface> SimulateRunPod(SimulatorCore& core);
// GET /prompt/{prompt} and /models.
std::unique_ptr<Surface> SimulatePollinations(SimulatorCore& core);
// POST /sdapi/v1/txt2img; GET /sdapi/v1/options.
std::unique_ptr<Surface> SimulateAutomatic1111(SimulatorCore& core);

}  // namespace reprise
