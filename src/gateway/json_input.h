// Reading JSON bodies: simdjson for speed and strictness, nlohmann for the parts that are kept.
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace reprise {

// Parses a request's body; what it gives is valid until this thread parses another body, or `large`
// another document. kInvalidArgument when it is no JSON, kTooLarge when it holds more than a
// million values: few megabytes of `[1,1,...` would grow to hundreds.
Result<simdjson::dom::element> ParseBody(std::string_view body, simdjson::dom::parser& large);

using JsonField = std::function<Result<void>(std::string_view key, simdjson::dom::element value)>;

// Calls `field` for every member of the top-level object, in order, until one fails. A key that
// stands twice is refused: which one counts would be anybody's guess.
Result<void> ForEachField(std::string_view body, const JsonField& field);
Result<void> ForEachField(simdjson::dom::element value, std::string_view name,
                          const JsonField& field);

// The refusal of parameter `param`.
std::unexpected<Error> Invalid(std::string_view param, std::string message);

// What a message shows of a caller's text: at most 60 bytes, cut between characters.
std::string Excerpt(std::string_view text);

// Whether nothing would be seen of the text: white space, controls and zero-width characters only.
bool IsBlank(std::string_view text);

// Typed reads that say which parameter was wrong, and with which value.
Result<std::string> ReadString(std::string_view name, simdjson::dom::element value);
// One of at most 1000 bytes: what is kept with an image.
Result<std::string> ReadName(std::string_view name, simdjson::dom::element value);
Result<bool> ReadBool(std::string_view name, simdjson::dom::element value);
Result<std::int64_t> ReadInteger(std::string_view name, simdjson::dom::element value,
                                 std::int64_t min, std::int64_t max);
Result<double> ReadNumber(std::string_view name, simdjson::dom::element value, double min,
                          double max);
// "123", as paths and queries have it: at least 1.
Result<std::uint64_t> ReadId(std::string_view name, std::string_view text);
// An entry's id as the header X-Reprise-Entry has it, or as a number.
Result<std::uint64_t> ReadEntryId(std::string_view name, simdjson::dom::element value);

}  // namespace reprise
