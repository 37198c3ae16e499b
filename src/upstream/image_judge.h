// Says whether a picture shows what a prompt asks for, by asking a vision model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/task.h"
#include "http/client.h"

namespace reprise {

struct JudgeRequest {
  std::string prompt;
  SharedBytes first, second;  // png, jpeg or webp
  Deadline deadline;
};

struct Judgement {
  bool first = false, second = false;  // whether each shows what the prompt asks for
};

// Safe for any thread.
class ImageJudge {
 public:
  virtual ~ImageJudge() = default;
  // kBadUpstream: the model's answer is none; otherwise as http::Client::Fetch.
  virtual Task<Result<Judgement>> Judge(JudgeRequest request) = 0;
};

struct ChatJudgeOptions {
  std::string base_url;  // "https://api.openai.com/v1"
  std::string api_key;   // empty: no Authorization header; never logged
  std::string model = "gpt-4o-mini";
};

// Through an OpenAI-compatible /v1/chat/completions that takes images as data URLs. `client`
// outlives the judge.
std::unique_ptr<ImageJudge> MakeChatJudge(ChatJudgeOptions options, http::Client& client);

// The body of such a call.
std::string WriteJudgeRequest(const JudgeRequest& request, std::string_view model);

// Reads the reply, whose text should be {"first": true, "second": false}; a code fence, words
// around it, and "yes" or "no" for true or false are forgiven.
Result<Judgement> ReadJudgement(std::string_view body);

}  // namespace reprise
