#include "gateway/batch_surface.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "gateway/batch_events.h"
#include "gateway/batch_json.h"
#include "gateway/errors.h"
#include "gateway/json_input.h"
#include "http/sse.h"

namespace reprise {
namespace {

constexpr std::size_t kDefaultPage = 50;
constexpr std::size_t kMaxPage = 1000;
constexpr std::size_t kMaxKey = 255;

struct Page {
  std::size_t limit = kDefaultPage;
  std::string before;
};

Result<std::uint64_t> ReadPosition(const std::string& name, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(Code::kInvalidArgument,
                "'" + name + "' must be a whole number, not '" + Excerpt(text) + "'", name);
  }
  return number;
}

// "limit=50&before=batch_0123".
Result<Page> ReadPage(std::string_view query) {
  Page page;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.starts_with("before=")) {
      page.before = part.substr(7);
    } else if (part.starts_with("limit=")) {
      const auto limit = ReadPosition("limit", part.substr(6));
      if (!limit) return std::unexpected(limit.error());
      page.limit = static_cast<std::size_t>(std::clamp<std::uint64_t>(*limit, 1, kMaxPage));
    } else if (!part.empty()) {
      return Fail(Code::kInvalidArgument,
                  "unknown parameter '" + Excerpt(part) + "'; there are limit and before");
    }
  }
  return page;
}

std::vector<BatchItem> ItemsOf(BatchCall& call) {
  std::vector<BatchItem> items;
  for (std::size_t i = 0; i < call.names.size(); ++i) {
    items.push_back({.name = std::move(call.names[i]), .request = std::move(call.requests[i])});
  }
  return items;
}

// The caller's Idempotency-Key: empty without one.
Result<std::string> ReadKey(const http::Request& request) {
  const std::string key(request.Header("Idempotency-Key"));
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f; };
  if (key.size() <= kMaxKey && std::ranges::all_of(key, plain)) return key;
  return Fail(Code::kInvalidArgument,
              "'Idempotency-Key' must have at most " + std::to_string(kMaxKey) +
                  " visible ASCII characters, e.g. a UUID, not '" + Excerpt(key) + "'",
              "Idempotency-Key");
}

// A batch answers when one item does; else its first error says what is wrong.
int StatusOf(const std::vector<Answer>& answers) {
  const auto done = [](const Answer& answer) { return answer.reply.has_value(); };
  if (std::ranges::any_of(answers, done)) return 200;
  return HttpStatus(answers.front().reply.error());
}

}  // namespace

void BatchSurface::AddRoutes(http::Router& router) {
  router.Add("POST", "/v1/batches", RouteTo(this, &BatchSurface::Create));
  router.Add("GET", "/v1/batches", RouteTo(this, &BatchSurface::List));
  router.Add("GET", "/v1/batches/{id}", RouteTo(this, &BatchSurface::Show));
  router.Add("DELETE", "/v1/batches/{id}", RouteTo(this, &BatchSurface::Cancel));
  router.Add("GET", "/v1/batches/{id}/images", RouteTo(this, &BatchSurface::Images));
  router.Add("GET", "/v1/batches/{id}/events", RouteTo(this, &BatchSurface::Events));
}

Task<http::Response> BatchSurface::Create(http::RequestPtr request) {
  if (!IsJson(*request)) co_return WrongContentType(*request, "application/json");
  // On the workers: a short body may have long items, once its defaults and variables are filled
  // in.
  auto work = [this, request] {
    return ReadBatchBody(request->body, settings_.openai, batches_.settings());
  };
  auto call = co_await workers_.Run(std::move(work));
  if (!call) co_return ErrorResponse(call.error());
  if (call->background) co_return co_await StartInBackground(request, std::move(*call));
  co_return co_await Wait(request, std::move(*call));
}

Task<http::Response> BatchSurface::Wait(http::RequestPtr request, BatchCall call) {
  std::vector<ImageRequestPtr> requests;
  for (ImageCall& one : call.calls) {
    one.request.tenant = TenantOf(*request);
    requests.push_back(std::make_shared<const ImageRequest>(std::move(one.request)));
  }
  const auto answers = co_await batches_.HandleAll(std::move(requests));
  co_return http::Json(StatusOf(answers),
                       WriteWaitBatch(call, answers, LinksFor(settings_, *request)));
}

Task<http::Response> BatchSurface::StartInBackground(http::RequestPtr request, BatchCall call) {
  auto key = ReadKey(*request);
  if (!key) co_return ErrorResponse(key.error());
  Batch batch{.tenant = TenantOf(*request),
              .url_base = UrlBase(settings_, *request),
              .idempotency_key = std::move(*key),
              .body_digest = Sha256(request->body).Hex(),
              .webhook = std::move(call.webhook),
              .items = ItemsOf(call)};
  const auto created = co_await batches_.Create(std::move(batch));
  if (!created) co_return ErrorResponse(created.error());
  http::Response response =
      http::Json(created->again ? 200 : 202,
                 WriteBatch(created->batch->Snapshot(), LinksFor(settings_, *request)));
  response.Set("Location", "/v1/batches/" + created->batch->id());
  co_return response;
}

Task<http::Response> BatchSurface::List(http::RequestPtr request) {
  const auto page = ReadPage(request->query);
  if (!page) co_return ErrorResponse(page.error());
  const auto list = co_await batches_.List(TenantOf(*request), page->before, page->limit);
  if (!list) co_return ErrorResponse(list.error());
  co_return http::Json(200, WriteBatchList(*list, page->limit));
}

Task<Result<ActiveBatchPtr>> BatchSurface::Find(http::RequestPtr request) {
  const std::string id = request->params.at(0);
  auto batch = co_await batches_.Find(TenantOf(*request), id);
  if (!batch) co_return std::unexpected(batch.error());
  if (*batch) co_return std::move(*batch);
  co_return Fail(Code::kNotFound, "there is no batch '" + Excerpt(id) +
                                      "'; ended ones are removed after the setting batches.keep");
}

Task<http::Response> BatchSurface::Show(http::RequestPtr request) {
  const auto batch = co_await Find(request);
  if (!batch) co_return ErrorResponse(batch.error());
  co_return http::Json(200, WriteBatch((*batch)->Snapshot(), LinksFor(settings_, *request)));
}

Task<http::Response> BatchSurface::Images(http::RequestPtr request) {
  const auto batch = co_await Find(request);
  if (!batch) co_return ErrorResponse(batch.error());
  co_return http::Json(200, WriteBatchImages((*batch)->Snapshot(), LinksFor(settings_, *request)));
}

Task<http::Response> BatchSurface::Events(http::RequestPtr request) {
  const auto batch = co_await Find(request);
  if (!batch) co_return ErrorResponse(batch.error());
  BatchEvents::Options options{.after = 0, .links = LinksFor(settings_, *request)};
  if (const auto last = request->Header("Last-Event-ID"); !last.empty()) {
    const auto number = ReadPosition("Last-Event-ID", last);
    if (!number) co_return ErrorResponse(number.error());
    options.after = *number;
  }
  // All has been seen: what tells an EventSource to stay away.
  if (options.after > (*batch)->Snapshot().items.size()) {
    co_return http::Response{.status = 204, .headers = {}, .body = {}};
  }
  co_return http::EventStream(std::make_shared<BatchEvents>(batches_, *batch, std::move(options)));
}

Task<http::Response> BatchSurface::Cancel(http::RequestPtr request) {
  const auto batch = co_await Find(request);
  if (!batch) co_return ErrorResponse(batch.error());
  co_await batches_.Cancel(*batch);
  co_return http::Json(200, WriteBatch((*batch)->Snapshot(), LinksFor(settings_, *request)));
}

}  // namespace reprise
