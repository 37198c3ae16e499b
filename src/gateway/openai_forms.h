// The multipart forms of OpenAI's Images API: edits and variations. Pure, but hashes the images:
// call from a worker pool.
// https://platform.openai.com/docs/api-reference/images/createEdit
#pragma once

#include "base/result.h"
#include "gateway/generation_reader.h"
#include "http/message.h"

namespace reprise {

// POST /v1/images/edits: `image` or `image[]` (1 to 16 files), perhaps one `mask`, and the
// parameters of a generation as text. The files are inputs of the request, hence part of its
// identity. kInvalidArgument names the part that is missing, twice there, or not an image;
// kTooLarge an image of over 50 MB.
Result<ImageCall> ReadEdit(const http::Request& http, const OpenAiSettings& settings);

// POST /v1/images/variations: exactly one `image`, no mask, no prompt. Only the same image has the
// same variations.
Result<ImageCall> ReadVariation(const http::Request& http, const OpenAiSettings& settings);

}  // namespace reprise
