#include "gateway/reply_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace reprise {
namespace {

// Long words of a prompt can get into a reason, and clients refuse heads beyond some 16 KB.
constexpr std::size_t kMaxText = 256;

bool LooksEscaped(std::string_view text) {
  const auto hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  return text.size() >= 3 && text[0] == '%' && hex(text[1]) && hex(text[2]);
}

// Header values are ASCII; '%' itself stays readable unless it would look like an escape.
std::string HeaderText(std::string_view text) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '%'; };
  if (text.size() <= kMaxText && std::ranges::all_of(text, plain)) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.size() >= kMaxText) return out + "...";
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x7f && !LooksEscaped(text.substr(i))) {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

// With six digits, as "%g".
std::string NumberText(double number) {
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.begin(), text.end(), number, std::chars_format::general, 6).ptr;
  return {text.data(), end};
}

// A structured-field string (RFC 8941).
std::string SfString(std::string_view text) {
  std::string out = "\"";
  for (char c : HeaderText(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string CacheStatus(const Decision& decision) {
  std::string status;
  status.reserve(96);
  status = "Reprise";
  switch (decision.outcome) {
    case Outcome::kHit:
      if (decision.type == HitType::kInflight) {
        status += "; fwd=uri-miss; collapsed";
      } else {
        status += "; hit";
        if (decision.ttl_ms > 0) status += "; ttl=" + std::to_string(decision.ttl_ms / 1000);
      }
      break;
    case Outcome::kMiss:
      status += "; fwd=uri-miss";
      break;
    case Outcome::kBypass:
      status += "; fwd=bypass";
      break;
    case Outcome::kRefresh:
      status += "; fwd=request";
      break;
  }
  if (decision.stored) status += "; stored";
  return status.append("; detail=").append(SfString(decision.reason));
}

}  // namespace

void ExplainReply(const Decision& decision, http::Response& response) {
  response.Set("X-Cache", ToString(decision.outcome));
  if (decision.type != HitType::kNone) {
    response.Set("X-Cache-Type", ToString(decision.type));
  }
  response.Set("Cache-Status", CacheStatus(decision));
  if (decision.outcome == Outcome::kHit) {
    response.Set("Age", std::to_string(decision.age_ms / 1000));
  }
  if (decision.entry != 0) response.Set("X-Reprise-Entry", std::to_string(decision.entry));
  if (decision.similarity) {
    response.Set("X-Reprise-Similarity", fmt::format("{:.4f}", *decision.similarity));
    response.Set("X-Reprise-Threshold", NumberText(decision.threshold));
  }
  if (decision.refused != 0) response.Set("X-Reprise-Refused", std::to_string(decision.refused));
  response.Set("X-Reprise-Bucket", decision.bucket);
  response.Set("X-Reprise-Reason", HeaderText(decision.reason));
  if (!decision.store_error.empty()) {
    response.Set("X-Reprise-Store-Error", HeaderText(decision.store_error));
  }
  if (!decision.upstream.empty()) {
    response.Set("X-Reprise-Upstream", HeaderText(decision.upstream));
  }
  response.Set("X-Reprise-Saved-Usd", NumberText(decision.saved_usd));
}

}  // namespace reprise
