// RunPod's serverless API: reading its requests, writing its replies. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/image_cache.h"
#include "gateway/generation_reader.h"
#include "gateway/image_links.h"
#include "http/message.h"

namespace reprise {

// {"input": {"prompt", "width", "height", "seed", "num_images", "negative_prompt", ...}}. The
// endpoint is the model. Members of `input` that are not known are passed on to the upstream, and
// shape the identity; `cache`, `tags`, `category` and `prefer` are those of the native API. With
// response_format b64_json images come as data: URLs, else as links.
Result<ImageCall> ReadRunPod(const http::Request& http, std::string_view endpoint,
                             const OpenAiSettings& settings);

// How long /runsync waits for the images, from the query "wait=MILLISECONDS", 1000 to 300000;
// 90 seconds when it is left out.
Result<std::chrono::milliseconds> ReadWait(std::string_view query);

enum class RunPodStatus { kInQueue, kInProgress, kCompleted, kFailed, kCancelled };

std::string_view ToString(RunPodStatus status);  // "IN_QUEUE"

// A job as it is at some moment.
struct RunPodJobView {
  std::string id;
  RunPodStatus status = RunPodStatus::kInQueue;
  std::chrono::milliseconds delay{0};      // from submission to the start
  std::chrono::milliseconds execution{0};  // from the start to the end, or to now
  const Answer* answer = nullptr;          // of kCompleted and kFailed
  bool as_url = true;
};

// {"id", "status", "delayTime", "executionTime", "output": {"images", "image_url"} or "error"},
// with the headers of every surface once the job has been answered. Always 200: a job that failed
// is an answer too.
http::Response WriteRunPodJob(const RunPodJobView& job, const ImageLinks& links);

// {"error": "..."}, for requests that are no job.
http::Response RunPodError(const Error& error);

}  // namespace reprise
