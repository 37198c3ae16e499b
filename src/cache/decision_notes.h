// What the steps of a request write into its Decision. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/generation.h"
#include "cache/job.h"
#include "cache/pool.h"
#include "cache/serving.h"

namespace reprise {

// The request's decision if `picks` of a stored entry answer it; reason and sentence are the
// caller's to set.
Decision HitOn(const JobState& state, const CachedEntry& entry, const std::vector<Pick>& picks,
               HitType type, std::int64_t now_ms);

// Why the entry of the request's own prompt cannot answer it.
void NoteUnusable(JobState& state, std::string why);
void NoteShortfall(JobState& state, std::size_t pool, int missing);

// For who had images generated, and for who waited while another had.
void NoteFresh(Decision& decision, const Fresh& fresh);
// For who neither led nor waited: seed -1, no-cache, no-store.
void NoteAlone(Decision& decision, const ImageRequest& request);
void NoteLeader(JobState& state, const Fresh& fresh);
void NoteJoiner(Decision& decision, const Fresh& fresh, int count);
// On top of that, for who waited while another in other words had.
void NoteMatch(Decision& decision, const Verdict& verdict, float cosine);

}  // namespace reprise
