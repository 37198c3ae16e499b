#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "app/eval_stats.h"
#include "app/eval_stream.h"
#include "app/tsv.h"

namespace reprise {
namespace {

using nlohmann::json;

void PrintMeeting(const Meeting& meeting, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "\nsimilarity {:.3f}, cosine {:.3f}, {}{}\n  stored  {}\n  asked   {}\n",
                 meeting.similarity, meeting.cosine, meeting.reason,
                 meeting.times > 1 ? fmt::format(", {} times", meeting.times) : "", meeting.stored,
                 meeting.asked);
}

json ToJson(const Meeting& meeting) {
  return {{"stored", meeting.stored},         {"asked", meeting.asked},
          {"similarity", meeting.similarity}, {"cosine", meeting.cosine},
          {"reason", meeting.reason},         {"times", meeting.times}};
}

}  // namespace

std::string StreamText(const StreamReport& report, bool hits) {
  std::string out;
  const auto line = [&](std::string_view name, std::size_t count) {
    const Share share{count, report.requests};
    const Interval interval = share.interval();
    fmt::format_to(std::back_inserter(out), "{:<10} {:>8} {:>8.1f} %   {:.1f} to {:.1f} %\n", name,
                   count, share.value() * 100, interval.low * 100, interval.high * 100);
  };
  fmt::format_to(std::back_inserter(out), "{:<10} {:>8} {:>10}   {}\n", "answer", "requests",
                 "share", "95 % interval");
  line("exact", report.exact);
  line("semantic", report.semantic);
  line("miss", report.misses);
  if (report.failed > 0) line("failed", report.failed);
  fmt::format_to(std::back_inserter(out),
                 "\n{} requests, one after the other (so none in flight); saved ${:.2f} at the "
                 "configured prices\n",
                 report.requests, report.saved_usd);
  if (report.failed > 0) {
    fmt::format_to(std::back_inserter(out), "the first that failed: {}\n", report.failure);
  }
  if (!hits) return out;
  for (const Meeting& meeting : report.meetings) {
    if (meeting.hit) PrintMeeting(meeting, out);
  }
  return out;
}

json StreamJson(const StreamReport& report, bool hits) {
  json object = {{"requests", report.requests}, {"exact", report.exact},
                 {"semantic", report.semantic}, {"miss", report.misses},
                 {"failed", report.failed},     {"saved_usd", report.saved_usd}};
  if (report.failed > 0) object["failure"] = report.failure;
  if (!hits) return object;
  object["hits"] = json::array();
  for (const Meeting& meeting : report.meetings) {
    if (meeting.hit) object["hits"].push_back(ToJson(meeting));
  }
  return object;
}

std::string MeetingsTsv(const StreamReport& report) {
  std::string out = "label\tkind\ta\tb\n";
  for (const Meeting& meeting : report.meetings) {
    fmt::format_to(std::back_inserter(out), "-\t{}\t{}\t{}\n", meeting.hit ? "served" : "refused",
                   TsvColumn(meeting.asked), TsvColumn(meeting.stored));
  }
  return out;
}

}  // namespace reprise
